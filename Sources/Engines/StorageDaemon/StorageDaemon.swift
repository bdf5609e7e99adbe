import JSONText
public import Platform
import Sandbox
import Synchronization

/// A running qemu-storage-daemon in a sandbox of its own.
///
/// It opens the source and the overlays, and serves each window as a vhost-user-blk disk on a Unix
/// socket, or the whole disk as an NBD export. Inside its sandbox there are these files and sockets
/// and nothing else. A guest's or client's flush is an fdatasync of the file; an error of the file
/// below, no space included, is an error of the request at once. Any thread; calls exclude one
/// another.
public final class StorageDaemon: Sendable {
    /// The process.
    ///
    /// It dies with the thread that started it.
    public let process: ChildProcess
    /// One socket for each window, in their order; for an NBD export the one socket that it has.
    ///
    /// They take connections from the start.
    public let diskSockets: [String]

    /// To be polled while the source is served; nil for block devices.
    public let sourceWatch: SourceWatch?

    /// Files that are written, by name: to be synced at the end.
    let writtenFiles: [(path: String, file: OwnedFD)]
    private let openedCheck: OpenedCheck
    private let complaints: OwnedFD
    private let log: Int32
    private let state: Mutex<State>

    private struct State: Sendable {
        var monitor: Monitor
        var isReady = false
        var words: [String] = []
    }

    /// Starts a daemon; returns before it has opened anything.
    ///
    /// The sockets exist and take connections already, so that a machine can be started beside it;
    /// `waitUntilReady` tells whether the images could be opened. What the daemon says goes to
    /// `log`. Blocks for a few milliseconds.
    public static func start(_ plan: StoragePlan, log: Int32) throws(StorageError) -> StorageDaemon
    {
        try start(try StorageWork(plan), log: log)
    }

    /// Starts a daemon for work that is prepared.
    static func start(_ work: StorageWork, log: Int32) throws(StorageError) -> StorageDaemon {
        let program = try findProgram()
        do {
            let (control, theirs) = try Descriptors.socketPair()
            let (complaints, writer) = try Descriptors.pipe()
            // A daemon that says more than anybody reads loses words, not time.
            try writer.setNonblocking(true)
            try complaints.setNonblocking(true)
            let sandboxed = work.program(
                path: program, control: theirs.raw, complaints: writer.raw)
            let process = try withExtendedLifetime((theirs, writer)) { () throws(SandboxError) in
                try Sandbox.start(sandboxed)
            }
            return StorageDaemon(
                process: process, work: work, control: control, complaints: complaints, log: log)
        } catch let error as SandboxError {
            work.removeSockets()
            throw .sandbox(error)
        } catch let error as SystemError {
            work.removeSockets()
            throw .system(error)
        } catch { throw .plan("\(error)") }
    }

    /// The daemon's program.
    static func findProgram() throws(StorageError) -> String {
        let places = ["/usr/bin/qemu-storage-daemon", "/usr/local/bin/qemu-storage-daemon"]
        guard let program = places.first(where: Files.isExecutable) else { throw .daemonMissing }
        return program
    }

    private init(
        process: ChildProcess, work: StorageWork, control: OwnedFD, complaints: OwnedFD, log: Int32
    ) {
        self.process = process
        diskSockets = work.socketPaths
        writtenFiles = work.writtenFiles
        sourceWatch = work.sourceWatch
        openedCheck = work.openedCheck
        self.complaints = complaints
        self.log = log
        state = Mutex(State(monitor: Monitor(control)))
    }

    /// Waits until every image is open, which may mean reading its tables.
    ///
    /// Throws where one cannot be opened, with the daemon's words.
    ///
    /// Blocks. Also to be called when the process has ended unasked: it tells why.
    public func waitUntilReady(milliseconds: Int64 = 20_000) throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            try self.greet(&state, deadline: Clock.milliseconds() + milliseconds)
        }
    }

    /// What the daemon has said so far.
    ///
    /// Also copies it to the log.
    public var words: [String] {
        state.withLock { state in
            gatherWords(&state)
            return state.words
        }
    }

    /// Ends the daemon, and proves that what was written is durable.
    ///
    /// The machine must be gone. The daemon writes its tables and exits by itself; then every file
    /// it wrote to is synced through a descriptor that was open before the first write, so that an
    /// error anybody met is met here. Blocks up to the time given, and for the syncs. The process
    /// is gone when this returns or throws.
    public func stop(milliseconds: Int64) throws(StorageError) {
        defer { for path in diskSockets { try? Files.remove(path) } }
        try state.withLock { state throws(StorageError) in
            try self.end(&state, deadline: Clock.milliseconds() + milliseconds)
        }
        for (path, file) in writtenFiles {
            do { try Files.sync(file) } catch { throw .notDurable(path, error) }
        }
    }

    /// Kills the daemon, and waits for its end.
    ///
    /// What the guest had flushed is on the source.
    public func kill() {
        _ = try? process.killAndWait()
        for path in diskSockets { try? Files.remove(path) }
    }
}

extension StorageDaemon {
    /// Speaks with the daemon's monitor, which must have been greeted; blocks as `body` does.
    func withMonitor<Result: Sendable>(
        _ body: (inout Monitor) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try state.withLock { state throws(StorageError) in try body(&state.monitor) }
    }

    private func greet(_ state: inout State, deadline: Int64) throws(StorageError) {
        guard !state.isReady else { return }
        let start = Clock.milliseconds()
        do {
            try state.monitor.greet(deadline: deadline)
            let nodes = try state.monitor.call(
                "query-named-block-nodes", .object(["flat": .bool(true)]), deadline: deadline)
            state.isReady = true
            gatherWords(&state)
            try Self.checkNodes(nodes)
            try openedCheck.run()
        } catch let error as StorageError {
            throw error
        } catch Monitor.Failure.silent {
            throw .silent(milliseconds: Clock.milliseconds() - start)
        } catch {
            try explainEnd(&state)
        }
    }

    /// The daemon has closed its monitor: says why.
    private func explainEnd(_ state: inout State) throws(StorageError) {
        let end: ProcessEnd?
        do { end = try process.wait(milliseconds: 2000) } catch { throw .system(error) }
        gatherWords(&state)
        guard let end else { throw .silent(milliseconds: 2000) }
        if state.words.contains(where: { $0.hasPrefix("bwrap:") }), let reason = Sandbox.diagnose()
        {
            throw .sandbox(reason)
        }
        throw end == .exited(1) ? .refused(state.words) : .ended(end, state.words)
    }

    /// Refuses an image whose header names other files: one that it is a difference to, and what
    /// QEMU has opened besides the nodes of the plan.
    static func checkNodes(_ nodes: JSONValue) throws(StorageError) {
        for node in nodes.elements {
            let name = node["node-name"]?.stringValue ?? ""
            if name == "image", let other = node["image"]?["backing-filename"]?.stringValue {
                throw .difference(to: other)
            }
            // Names that QEMU makes up begin with a number sign.
            guard name.hasPrefix("#") else { continue }
            throw .otherFile(node["file"]?.stringValue ?? "unnamed")
        }
    }

    private func end(_ state: inout State, deadline: Int64) throws(StorageError) {
        do throws(StorageError) {
            try greet(&state, deadline: deadline)
            let before = state.words.count
            _ = try? state.monitor.call("quit", deadline: deadline)
            let left = Int32(clamping: max(0, deadline - Clock.milliseconds()))
            guard let end = try wait(milliseconds: left) else {
                throw .silent(milliseconds: Int64(left))
            }
            gatherWords(&state)
            guard end.isSuccess else { throw .ended(end, state.words) }
            let last = Array(state.words[before...])
            // What it complains of is something to write only where it may write.
            guard last.isEmpty || writtenFiles.isEmpty else { throw .unclean(last) }
        } catch {
            _ = try? process.killAndWait()
            gatherWords(&state)
            throw error
        }
    }

    private func wait(milliseconds: Int32) throws(StorageError) -> ProcessEnd? {
        do { return try process.wait(milliseconds: milliseconds) } catch { throw .system(error) }
    }

    /// Takes what the daemon has said out of the pipe.
    private func gatherWords(_ state: inout State) {
        // One pipe's worth at a time is all there can be, and the last words are enough.
        for _ in 0..<16 {
            guard let bytes = try? Descriptors.readSome(complaints.raw, limit: 1 << 16),
                !bytes.isEmpty
            else { break }
            try? Files.writeAll(bytes, to: log)
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            state.words += lines.map(String.init)
            if state.words.count > 100 { state.words.removeFirst(state.words.count - 100) }
        }
    }
}
