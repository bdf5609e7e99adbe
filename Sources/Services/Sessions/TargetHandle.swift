import Lines
import Platform
import Sandbox
import Targets

/// The session's hold on its target process.
///
/// One thread at a time; every call is bounded in time.
final class TargetHandle {
    /// The process; its pidfd tells its end.
    let process: ChildProcess
    private let channel: LineChannel

    /// From the start to the first listener, in milliseconds.
    private static let startLimit: Int32 = 20_000

    private init(process: ChildProcess, channel: LineChannel) {
        self.process = process
        self.channel = channel
    }

    /// Starts `causeway _targets` in its sandbox and waits until clients can connect.
    ///
    /// - Parameters:
    ///   - plan: the plan; its descriptors are numbers inside the process, from 4 on.
    ///   - descriptors: what they are here, in that order.
    ///   - grants: files and sockets that the process opens itself.
    ///   - log: where its words go.
    static func start(
        _ plan: TargetPlan, descriptors: [Int32], grants: [SandboxedProgram.Grant], log: Int32
    ) throws(SessionError) -> TargetHandle {
        do {
            let (ours, theirs) = try Descriptors.socketPair()
            let process = try withExtendedLifetime(theirs) {
                try Sandbox.start(
                    SandboxedProgram(
                        // Swift's runtime reads a program's arguments from /proc.
                        path: try Host.executable(), arguments: ["_targets"],
                        grants: [.processes] + grants,
                        descriptors: [-1, log, log, theirs.raw] + descriptors,
                        filter: TargetProcess.filter))
            }
            let handle = TargetHandle(process: process, channel: LineChannel(ours))
            do { try handle.hand(plan) } catch {
                _ = try? process.killAndWait()
                throw error
            }
            return handle
        } catch let error as SandboxError {
            throw SessionError(
                .target, error.cause, remedy: error.remedy, exit: .environment)
        } catch { throw SessionError.any(error) }
    }

    private func hand(_ plan: TargetPlan) throws {
        try channel.send(plan)
        // A process that ends is told at once, not after the whole limit.
        let ready = try Descriptors.poll(
            [(channel.raw, .readable), (process.pidfd.raw, .readable)],
            milliseconds: Self.startLimit)
        guard !ready[0].isEmpty || ready[1].isEmpty else { throw Self.ended }
        switch try channel.receive(TargetEvent.self, milliseconds: ready[0].isEmpty ? 0 : 1000) {
        case .ready: return
        case .failed(let cause, let remedy):
            throw SessionError(.target, cause, remedy: remedy, exit: .environment)
        default: throw Self.ended
        }
    }

    private static let ended = SessionError(
        .target, "the target process ended while starting", remedy: "See `causeway logs`.",
        exit: .environment)

    /// Lets clients finish within the time, has everything flushed, which may take `flush` more
    /// milliseconds, and ends the process.
    ///
    /// The process is gone when this returns or throws; throws what says that acknowledged data
    /// may be lost.
    func stop(milliseconds: Int64, flush: Int64) throws(SessionError) -> TargetFigures {
        defer { _ = try? process.killAndWait() }
        do {
            try channel.send(TargetCommand.stop(milliseconds: milliseconds))
            let limit = Int32(clamping: milliseconds + flush)
            guard
                case .stopped(let figures, let failure)? = try channel.receive(
                    TargetEvent.self, milliseconds: limit)
            else { throw LineError.silent }
            if let failure {
                throw SessionError(
                    .target, "not everything was flushed: \(failure)",
                    remedy: "Check the disk below the source, then its content.")
            }
            _ = try process.wait(milliseconds: 2000)
            return figures
        } catch { throw SessionError.any(error) }
    }

    /// Ends a process that has nothing to flush.
    func kill() { _ = try? process.killAndWait() }
}
