import Bridge
import FoundationEssentials
import Lines
import Platform

/// The commands' side of a session: start one, speak to a running one, tidy up a dead one.
public struct SessionClient: Sendable {
    private let registry: SessionRegistry

    /// Speaks to the sessions in this registry.
    public init(registry: SessionRegistry) { self.registry = registry }

    /// Keeps a session that was started for one command; it ends with this process at the latest.
    public final class Hold {
        /// The session.
        public let record: SessionRecord
        private let channel: LineChannel

        fileprivate init(_ record: SessionRecord, _ channel: LineChannel) {
            self.record = record
            self.channel = channel
        }
    }

    /// Starts a session process and waits until its folder is usable.
    ///
    /// Blocks as long as the attach takes; `phase` is told each phase as it begins. Where this
    /// process ends before, the session undoes what it has done.
    public func start(
        _ request: SessionRequest, phase: (String) -> Void
    ) throws(SessionError) -> SessionRecord {
        try launch(request, phase: phase).record
    }

    /// Does the same for a session that lasts no longer than what is returned.
    public func startHeld(
        _ request: SessionRequest, phase: (String) -> Void
    ) throws(SessionError) -> Hold {
        var request = request
        request.endsWithLauncher = true
        return try launch(request, phase: phase)
    }

    private func launch(
        _ request: SessionRequest, phase: (String) -> Void
    ) throws(SessionError) -> Hold {
        do {
            let (process, socket) = try startProcess()
            let channel = LineChannel(socket)
            do {
                try channel.send(request)
                return Hold(try awaitUsable(channel, phase: phase), channel)
            } catch {
                // Its claims end with it, and the user may try again at once.
                _ = try? process.wait(milliseconds: Self.endLimit)
                throw error
            }
        } catch {
            throw SessionError.any(error)
        }
    }

    /// From a session process's last word to its end, in milliseconds.
    private static let endLimit: Int32 = 5000
    /// How long a session may take to detach by force, in milliseconds.
    private static let forcedLimit: Int32 = 45_000
    /// How long a session that has cut the line may still take to end, in milliseconds.
    private static let dyingLimit: Int32 = 2000

    /// Detaches a running session; blocks until it is done, and its process, with every lock that
    /// it held, is gone.
    public func unmount(
        _ record: SessionRecord, force: Bool, phase: (String) -> Void
    ) throws(SessionError) -> Receipt {
        if record.state == .dead { return tidyUp(record) }
        let process = record.processes["session"].flatMap { try? ProcessHandle($0) }
        // While the session lives, these are its own.
        let helpers = record.processes.filter { $0.key != "session" }.values.compactMap {
            try? ProcessHandle($0)
        }
        var lost: any Error = LineError.silent
        do {
            let channel = try connect(record)
            try channel.send(SessionCommand.unmount(force: force))
            while let event = try channel.receive(
                SessionEvent.self, milliseconds: force ? Self.forcedLimit : -1)
            {
                switch event {
                case .phase(let name): phase(name)
                case .detached(let receipt):
                    _ = try process?.waitForEnd(milliseconds: Self.endLimit)
                    return receipt
                case .failed(let error): throw error
                case .usable, .record: continue
                }
            }
        } catch let error as SessionError {
            if !force { throw error }
        } catch { lost = error }
        if force {
            process?.signal(9)
            _ = try? process?.waitForEnd(milliseconds: Self.endLimit)
        } else {
            // One that is just ending has cut the line before it has let go of its claim.
            let isGone = (try? process?.waitForEnd(milliseconds: Self.dyingLimit)) ?? true
            guard isGone else { throw SessionError.any(lost) }
            if !Files.exists(registry.folder(of: record.id)) { return Self.detachedByOther(record) }
        }
        let end = Clock.milliseconds() + Int64(Self.endLimit)
        for helper in helpers {
            let left = Int32(clamping: max(0, end - Clock.milliseconds()))
            if force, (try? helper.waitForEnd(milliseconds: left)) == false { helper.signal(9) }
        }
        var dead = record
        dead.state = .dead
        return tidyUp(dead)
    }

    /// What is told of a session that another command has detached meanwhile: it takes its folder
    /// away when all is done.
    private static func detachedByOther(_ record: SessionRecord) -> Receipt {
        Receipt(
            session: record.id, source: record.source, mode: record.mode,
            steps: [
                .init(
                    name: "session", held: true,
                    evidence: "another command was detaching it, and has the receipt",
                    milliseconds: 0)
            ], bytesRead: 0, bytesWritten: 0)
    }

    /// The guest kernel's log of a running session.
    public func kernelLog(_ record: SessionRecord) throws(SessionError) -> [String] {
        do {
            let channel = try connect(record)
            try channel.send(SessionCommand.kernelLog)
            var lines: [String] = []
            while let event = try channel.receive(SessionEvent.self, milliseconds: 20_000) {
                guard case .phase(let line) = event else { break }
                lines.append(line)
            }
            return lines
        } catch {
            throw SessionError.any(error)
        }
    }

    private func connect(_ record: SessionRecord) throws -> LineChannel {
        LineChannel(try UnixSocket.connect(to: "\(registry.folder(of: record.id))/control"))
    }

    /// Starts the process; only it keeps the other end, so that its death is noticed.
    private func startProcess() throws(SystemError) -> (ChildProcess, OwnedFD) {
        let (ours, theirs) = try Descriptors.socketPair()
        let process = try withExtendedLifetime(theirs) { () throws(SystemError) in
            try ChildProcess(
                SpawnOptions(
                    path: try Host.executable(), arguments: ["_session"],
                    descriptors: [-1, -1, -1, theirs.raw], newSession: true))
        }
        return (process, ours)
    }

    private func awaitUsable(
        _ channel: LineChannel, phase: (String) -> Void
    ) throws -> SessionRecord {
        while let event = try channel.receive(SessionEvent.self, milliseconds: 600_000) {
            switch event {
            case .phase(let name): phase(name)
            case .usable(let record): return record
            case .failed(let error): throw error
            case .detached, .record: continue
            }
        }
        throw SessionError(
            .session, "the session process ended without a word",
            remedy: "Try again; if it happens again, please report it.")
    }

    /// Removes what a dead session left behind: its mount, its overlays, its sockets, its folder.
    private func tidyUp(_ record: SessionRecord) -> Receipt {
        var steps: [Receipt.Step] = []
        // Where it was unmounted by hand, a later session may have got its place and number.
        let isOthers = registry.list().contains { other in
            other.id != record.id && other.state != .dead
                && (other.mountpoint == record.mountpoint
                    || other.source == record.source && other.mountDevice == record.mountDevice)
        }
        if !isOthers, let folder = record.mountedFolder {
            var held = true
            var evidence = "the dead mount on \(folder) is removed"
            do {
                if record.hypervisor == NativeMount.name {
                    try NativeMount.unmount(folder, lazy: false)
                } else {
                    try FuseMount.unmount(mountpoint: folder, lazy: true)
                }
            } catch {
                held = false
                evidence = "\(error)"
            }
            steps.append(.init(name: "folder", held: held, evidence: evidence, milliseconds: 0))
        }
        if let step = Self.tidyDevice(record, folder: registry.folder(of: record.id)) {
            steps.append(step)
        }
        let temporary = "\(registry.folders.state)/temporary"
        for name in (try? Files.list(temporary)) ?? [] where name.hasPrefix("\(record.id)-") {
            try? Files.remove("\(temporary)/\(name)")
        }
        ImageDisk.sweep(Session.imageFolder(of: registry.folder(of: record.id)))
        if record.removesMountpoint { try? Files.removeDirectory(record.mountpoint) }
        awaitHelpers(record)
        ExportSockets(registry: registry).removeLeft(by: record)
        registry.removeFolder(of: record.id)
        steps.append(
            .init(
                name: "session", held: record.mode == .readOnly,
                evidence: record.mode == .readOnly
                    ? "the session had ended; the source was only ever read"
                    : "the session had ended without a detach: what was synced is safe, the rest "
                        + "may be lost; check the file system",
                milliseconds: 0))
        return Receipt(
            session: record.id, source: record.source, mode: record.mode, steps: steps,
            bytesRead: 0, bytesWritten: 0)
    }

    /// The processes of a dead session flush and end by themselves; until then they hold the
    /// source's lock, and listen.
    private func awaitHelpers(_ record: SessionRecord) {
        for (role, pid) in record.processes where role != "session" {
            guard let process = try? ProcessHandle(pid) else { continue }
            _ = try? process.waitForEnd(milliseconds: Self.endLimit)
        }
    }
}
