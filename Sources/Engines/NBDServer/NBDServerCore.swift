import BlockDevice
import NBDWire
import NIOCore
import NIOPosix
import NIOSSL
import Platform
import Synchronization

/// What every connection of a server shares.
///
/// Thread-safe: constants, and counters that are atomic.
final class NBDServerCore: Sendable {
    let configuration: NBDServerConfiguration
    let tls: NIOSSLContext?
    let queues: [NBDWorkQueue]
    let isDraining = Atomic(false)
    /// While draining: nothing is answered any more.
    let isCut = Atomic(false)
    let connections = Atomic(0)
    let requests = Atomic<UInt64>(0)
    let bytesRead = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    /// Memory of all connections: requests in work, and replies that clients have not taken.
    let budget: ByteBudget
    private let loops = Mutex<[ObjectIdentifier: NBDLoop]>([:])
    private let whenEmpty = Mutex<EventLoopPromise<Void>?>(nil)

    init(
        _ configuration: NBDServerConfiguration, pool: NIOThreadPool
    ) throws(NBDServerError) {
        self.configuration = configuration
        budget = configuration.budget ?? ByteBudget(limit: configuration.limits.totalBytes)
        tls = try configuration.security.context()
        queues = configuration.exports.map { NBDWorkQueue($0.device, pool: pool) }
    }

    /// What one handshake may tell; asks the devices for their sizes.
    var policy: NBDHandshakePolicy {
        NBDHandshakePolicy(
            offers: configuration.exports.map(NBDOffer.init),
            defaultExport: configuration.defaultExport, tls: configuration.security.mode,
            tellsExports: configuration.tellsExports)
    }

    /// What connections on this event loop share.
    func shared(_ loop: any EventLoop) -> NBDLoop {
        loops.withLock { loops in
            let key = ObjectIdentifier(loop)
            if let shared = loops[key] { return shared }
            let shared = NBDLoop(loop, keeping: budget.limit / 16)
            loops[key] = shared
            return shared
        }
    }

    /// Calls `body` for every connection, each on its event loop.
    func forEachConnection(_ body: @escaping @Sendable (NBDConnection) -> Void) {
        for shared in loops.withLock({ Array($0.values) }) {
            shared.loop.execute { for each in Array(shared.connections.values) { body(each) } }
        }
    }

    /// Counts a connection; false where there are too many, or the server is going away.
    func admit() -> Bool {
        let count = connections.add(1, ordering: .sequentiallyConsistent).newValue
        guard !isDraining.load(ordering: .sequentiallyConsistent),
            count <= configuration.limits.connections
        else {
            left()
            return false
        }
        return true
    }

    /// Forgets a connection.
    func left() {
        let count = connections.subtract(1, ordering: .sequentiallyConsistent).newValue
        guard count == 0 else { return }
        whenEmpty.withLock { promise in
            promise?.succeed()
            promise = nil
        }
    }

    /// Fulfils the promise once there is no connection, perhaps at once.
    func notifyEmpty(_ promise: EventLoopPromise<Void>) {
        whenEmpty.withLock { $0 = promise }
        guard connections.load(ordering: .sequentiallyConsistent) == 0 else { return }
        whenEmpty.withLock { promise in
            promise?.succeed()
            promise = nil
        }
    }
}
