import NIOCore
public import NIOPosix
import Platform
import Synchronization

/// Serves block devices to NBD clients: fixed newstyle, structured and extended replies, TLS.
///
/// One server serves many connections to several exports on the event loops of a group that it does
/// not own. Cached reads and quick writes run on the event loops, everything that may wait on the
/// thread pool, which it does not own either. All connections to an export share its device, so a
/// flush on one covers them all.
///
/// Any thread but an event loop's: `start` and `stop` block.
public final class NBDServer: Sendable {
    let core: NBDServerCore
    private let group: MultiThreadedEventLoopGroup
    private let state = Mutex(State())

    private struct State {
        var hasStarted = false
        var listeners: [any Channel] = []
        var addresses: [NBDAddress] = []
        /// Sockets to remove at the end.
        var names: [SocketName] = []
    }

    /// Judges the configuration; throws `badExport` and `badCredentials`.
    ///
    /// The group and the pool must run until the server has been stopped.
    public init(
        configuration: NBDServerConfiguration, group: MultiThreadedEventLoopGroup,
        pool: NIOThreadPool
    ) throws(NBDServerError) {
        try configuration.validate()
        core = try NBDServerCore(configuration, pool: pool)
        self.group = group
    }

    /// Where the server listens, in the order of the listeners; empty before `start`.
    public var addresses: [NBDAddress] { state.withLock { $0.addresses } }

    /// What the server has done so far.
    public var status: NBDServerStatus {
        NBDServerStatus(
            connections: core.connections.load(ordering: .relaxed),
            requests: core.requests.load(ordering: .relaxed),
            bytesRead: core.bytesRead.load(ordering: .relaxed),
            bytesWritten: core.bytesWritten.load(ordering: .relaxed))
    }

    /// Listens at all places, or at none where one fails.
    ///
    /// May be called once.
    public func start(on places: [NBDListener]) throws(NBDServerError) {
        let isFirst = state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted
        }
        guard isFirst else { throw .alreadyStarted }
        do throws(NBDServerError) {
            for place in places { try listen(place) }
        } catch {
            stopListening()
            throw error
        }
    }

    /// Ends the server: requests in work are answered, then connections close.
    ///
    /// There are no new connections, and new requests are refused. What is left after the time is
    /// cut off. Without any time nothing is answered any more: a client that reconnects goes on as
    /// after a lost link, while an answer would be final. Returns when all connections are gone;
    /// only calls that a device had not finished by then may still run.
    public func stop(graceMilliseconds: Int) {
        let isCut = graceMilliseconds <= 0
        core.isCut.store(isCut, ordering: .sequentiallyConsistent)
        core.isDraining.store(true, ordering: .sequentiallyConsistent)
        stopListening()
        let loop = group.next()
        let empty = loop.makePromise(of: Void.self)
        core.notifyEmpty(empty)
        core.forEachConnection { isCut ? $0.close() : $0.drain() }
        let core = core
        let cut = loop.scheduleTask(in: .milliseconds(Int64(graceMilliseconds))) {
            core.forEachConnection { $0.close() }
        }
        // Fails never: the promise is only ever fulfilled.
        try? empty.futureResult.wait()
        cut.cancel()
    }

    private func stopListening() {
        let (listeners, names) = state.withLock { state in
            defer { (state.listeners, state.names) = ([], []) }
            return (state.listeners, state.names)
        }
        // While the sockets are open, nobody else's can pass for them.
        for name in names { name.remove() }
        for listener in listeners { try? listener.close().wait() }
    }

    private func listen(_ place: NBDListener) throws(NBDServerError) {
        let channel = try NBDBootstrap(core: core, group: group).open(place)
        state.withLock { state in
            state.listeners.append(channel)
            if case .unix(let path) = place, let name = SocketName(path) {
                state.names.append(name)
            }
        }
        guard let address = NBDAddress(channel.localAddress) else {
            throw .listen("\(place)", "the socket is neither TCP nor Unix")
        }
        let configuration = core.configuration
        guard
            configuration.isRelayed || configuration.security.authenticatesClients
                || !address.isReachable
        else {
            throw .needsAuthentication("\(address)")
        }
        state.withLock { $0.addresses.append(address) }
        // Only now, when it is clear who may come.
        do {
            try channel.setOption(.autoRead, value: true).wait()
        } catch {
            throw .listen("\(address)", "\(error)")
        }
    }
}
