import Lines
import NIOCore
import NIOPosix
import Platform

/// The process that serves blocks to clients: `causeway _targets`.
///
/// Started in a sandbox by a session, with their socket pair as descriptor 3 and the plan's
/// descriptors after it. It has no files and no network but what it was given. It ends when the
/// session says so, or is gone.
public enum TargetProcess {
    /// Runs until the session ends it; returns the process's exit code.
    public static func run() -> Int32 {
        let session = LineChannel(OwnedFD(taking: 3))
        let servers: TargetServers
        do {
            guard let plan = try session.receive(TargetPlan.self, milliseconds: 10_000) else {
                return 1
            }
            servers = try TargetServers(plan)
            try session.send(TargetEvent.ready)
        } catch {
            let reason = TargetError.any(error)
            try? session.send(TargetEvent.failed(cause: reason.cause, remedy: reason.remedy))
            return 1
        }
        return serve(session, servers)
    }

    private static func serve(_ session: LineChannel, _ servers: TargetServers) -> Int32 {
        while let command = try? session.receive(TargetCommand.self) {
            switch command {
            case .stop(let milliseconds):
                let failure = servers.stop(milliseconds: milliseconds)
                try? session.send(TargetEvent.stopped(servers.figures, failure: failure))
                return failure == nil ? 0 : 1
            }
        }
        // The session is gone: what clients were told is written is made durable all the same.
        return servers.stop(milliseconds: 0) == nil ? 0 : 1
    }
}
