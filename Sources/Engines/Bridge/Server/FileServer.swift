import Bytes
import CFUSE
import Glibc
import GuestWire
import NFSWire
import Platform

/// How a call of the guest's file server ended.
enum Outcome<Value> {
    case done(Value)
    case failed(errno: Int32)
}

/// Turns requests of the host's kernel into calls of the guest's file server, and back.
///
/// One thread; nothing blocks. Every request that was taken is answered exactly once, and all of
/// them with EIO once the guest is gone. The extensions hold one kind of request each.
final class FileServer {
    /// Bounds of what is held at one time.
    enum Limits {
        /// Calls on their way before no more requests are taken.
        static let calls = 1024
        /// Large buffers in use before no more requests are taken.
        static let buffers = 48
        /// Large buffers in use before nothing more is read ahead.
        ///
        /// Less than `buffers`: what was
        /// read ahead is held until requests come for it.
        static let readAheadBuffers = 30
        /// Bytes read ahead of all files.
        static let readAheadBytes = 24 << 20
        /// How long a file must not be read before others may take its share of them.
        static let readAheadIdleMilliseconds: Int64 = 1_000
        /// How long a call is repeated while the server says "later".
        static let laterMilliseconds: Int64 = 30_000
    }

    /// How long the kernel may keep what it knows, in seconds.
    ///
    /// Nobody else changes the files.
    enum Validity {
        static let long: UInt64 = 86_400
        /// For what was written and closed: the server still settles where its blocks lie.
        static let settling: UInt64 = 30
        /// For what is being written, and for names that may be spelt in several ways.
        static let short: UInt64 = 1
    }

    let options: BridgeOptions
    let pool: BufferPool
    let nfs: NFSConnection
    let agent: AgentClient?
    let log: (String) -> Void
    var device: FuseDevice?
    /// Whether the kernel and the bridge have agreed how to talk.
    var isInitialized = false
    let nodes = NodeTable()
    var exports: [ServedExport] = []
    var files = HandleTable<OpenFile>()
    var directories = HandleTable<DirectoryStream>()
    var newFolders = NewFolders()
    var recent = RecentAttributes()
    var changes = ChangeLog()
    var timers = Timers()
    var interrupts = Interrupts()
    var statistics = BridgeStatistics()
    /// The server's write verifier, once a write was answered.
    var verifier: UInt64?
    /// Writes and commits that failed since the verifier was last seen to change.
    var failedChanges = 0
    /// Files that hold data read ahead, the one used last at the end.
    var readAheadUsers: [NodeState] = []
    /// Longest read and write, in bytes.
    var transfer = NFSLimits.transfer
    /// Requests for a whole sync that wait for the one on its way.
    var syncWaiters: [(Int32) -> Void] = []
    var syncUnderWay = false
    /// Hidden files that are being removed, and what waits until they are gone.
    var hiddenRemovals = 0
    var hiddenWaiters: [() -> Void] = []
    /// Requests for a drain that wait for the one on its way.
    var drainWaiters: [(Int32) -> Void] = []
    /// What the first drain that failed said: an errno.
    var drainFailure: Int32 = 0
    /// Whether several requests are likely to wait at once.
    var requestsComeInBursts = false
    /// How the hidden names of this bridge begin.
    let hiddenNames: [UInt8]
    /// Why the guest is gone, nil while it lives.
    private(set) var guestFailure: String?

    init(
        options: BridgeOptions, pool: BufferPool, nfs: NFSConnection, agent: AgentClient?,
        log: @escaping (String) -> Void
    ) {
        self.options = options
        self.pool = pool
        self.nfs = nfs
        self.agent = agent
        self.log = log
        let token = String(Clock.wallSeconds() % 60_466_176, radix: 36)
        hiddenNames =
            Self.hiddenPrefix + Array((String(repeating: "0", count: 5) + token).utf8.suffix(5))
    }

    /// Whether the folder itself is a list of exports.
    var isSynthetic: Bool { exports.count != 1 || exports.first?.description.name != "" }

    /// Whether more requests may be taken from the kernel.
    var takesRequests: Bool {
        nfs.outstanding < Limits.calls && pool.lent < Limits.buffers
            && (agent?.pending ?? 0) < Limits.calls
    }

    /// Declares the guest gone: every call that waits or comes later fails.
    func loseGuest(_ reason: String) {
        guard guestFailure == nil else { return }
        guestFailure = reason
        log("guest is gone: \(reason)")
        nfs.end(reason)
        agent?.end(reason)
    }

    /// Does what is due, and notices that a connection has ended.
    func tick() {
        if let reason = nfs.failure ?? agent?.failure { loseGuest(reason) }
        let now = Clock.milliseconds()
        for action in timers.takeDue(now: now) { action() }
        endInterrupted(now: now)
    }

    /// Ends requests that a signal was to end and the guest leaves unanswered.
    func endInterrupted(now: Int64) {
        for unique in interrupts.takeDue(now: now) { fail(unique, EINTR) }
    }

    /// Sends what waits on all connections.
    func flush() {
        nfs.flush()
        agent?.flush()
    }
}

extension FileServer {
    /// Calls the guest's file server and decodes its answer.
    ///
    /// "Later" (NFS3ERR_JUKEBOX) is repeated for a bounded time.
    func call<Value: NFSReply>(
        _ request: NFSRequest, payload: Payload? = nil, as type: Value.Type = Value.self,
        since started: Int64? = nil, _ completion: @escaping (Outcome<Value>) -> Void
    ) {
        callRecord(request, payload: payload, as: type, since: started) { outcome, _ in
            completion(outcome)
        }
    }

    /// As `call`, with the message that carried the answer.
    func callRecord<Value: NFSReply>(
        _ request: NFSRequest, payload: Payload? = nil, as type: Value.Type = Value.self,
        since started: Int64? = nil, _ completion: @escaping (Outcome<Value>, Record?) -> Void
    ) {
        nfs.submit(request, payload: payload) { [unowned self] record, results in
            guard let record else { return completion(.failed(errno: EIO), nil) }
            var reader = XDRReader(record.bytes, from: results)
            do {
                let status = NFSStatus(rawValue: try reader.word())
                if status == .jukebox {
                    let started = started ?? Clock.milliseconds()
                    guard Clock.milliseconds() - started < Limits.laterMilliseconds else {
                        return completion(.failed(errno: EIO), nil)
                    }
                    return timers.add(due: Clock.milliseconds() + 50) { [unowned self] in
                        callRecord(
                            request, payload: payload, as: type, since: started, completion)
                    }
                }
                guard status == .ok else {
                    return completion(.failed(errno: linuxErrno(of: status)), nil)
                }
                completion(.done(try Value(decoding: &reader)), record)
            } catch {
                loseGuest("its file server sent a malformed answer (\(error))")
                completion(.failed(errno: EIO), nil)
            }
        }
    }

    /// The node that a request is about; answers ESTALE where there is none.
    func node(of message: FuseMessage) -> NodeTable.Node? {
        if let node = nodes[message.node] { return node }
        device?.reply(message.unique, errno: ESTALE)
        return nil
    }

    /// Answers a request that failed.
    func fail(_ unique: UInt64, _ errno: Int32) { device?.reply(unique, errno: errno) }

    /// Whether changes in an export are refused.
    func isReadOnly(_ export: Int) -> Bool {
        options.readOnly || exports[export].description.readOnly
    }
}

extension FileServer {
    /// What has been done so far.
    var currentStatistics: BridgeStatistics {
        var current = statistics
        current.calls = nfs.callCount
        current.knownFiles = UInt64(nodes.count)
        current.uncommittedBytes = nodes.states().reduce(0) { $0 &+ $1.uncommittedBytes }
        return current
    }
}
