public import NIOCore
public import NIOPosix
public import Platform

import Synchronization

/// Where a server listens.
public enum ISCSIListener: Sendable {
    /// A numeric IPv4 or IPv6 address; port 0 takes any that is free.
    case address(String, port: Int)
    /// A TCP socket that listens already; the server keeps it open.
    case descriptor(OwnedFD)
}

/// An iSCSI server: targets, on any number of portals.
///
/// Makes a channel for each connection on the group's event loops; commands that wait run on the
/// pool. Both belong to the caller, and outlive the server. Any thread but an event loop's own may
/// call; calls block for as long as they say.
public final class ISCSIServer: Sendable {
    private enum Phase { case fresh, running, stopped }

    private struct State {
        var phase = Phase.fresh
        var listeners: [any Channel] = []
    }

    private let configuration: ISCSIServerConfiguration
    private let group: MultiThreadedEventLoopGroup
    private let pool: NIOThreadPool
    private let registry: SessionRegistry
    private let state = Mutex(State())

    /// Prepares a server; nothing happens before `start`.
    public init(
        configuration: ISCSIServerConfiguration, group: MultiThreadedEventLoopGroup,
        pool: NIOThreadPool
    ) {
        self.configuration = configuration
        self.group = group
        self.pool = pool
        registry = SessionRegistry(limit: configuration.limits.connections)
    }

    /// Listens on all of these; returns when connections are taken.
    ///
    /// On failure none is.
    ///
    /// Throws `unprotected` where another host could reach a target without CHAP, and
    /// `unprotectedDiscovery` where it could learn the targets' names without.
    public func start(on listeners: [ISCSIListener]) throws(ISCSIServerError) {
        try configuration.validate()
        let isFresh = state.withLock { state in
            defer { state.phase = .running }
            return state.phase == .fresh
        }
        guard isFresh else { throw .notStartable }
        var channels: [any Channel] = []
        do throws(ISCSIServerError) {
            for listener in listeners { channels.append(try bind(listener)) }
        } catch {
            for channel in channels { _ = try? channel.close().wait() }
            state.withLock { $0.phase = .stopped }
            throw error
        }
        state.withLock { $0.listeners = channels }
    }

    /// The addresses that are listened on.
    public var addresses: [SocketAddress] {
        state.withLock { $0.listeners.compactMap(\.localAddress) }
    }

    /// Who is logged in.
    public var status: ISCSIServerStatus {
        let sessions = registry.sessions.map { key, entry in
            let seen = entry.counters.seen
            return ISCSIServerStatus.Session(
                initiator: key.initiator,
                target: key.target.map { configuration.targets[$0].name },
                handle: entry.tsih, commands: seen.commands, bytesRead: seen.bytesOut,
                bytesWritten: seen.bytesIn)
        }
        let ended = registry.ended
        return ISCSIServerStatus(
            connections: registry.connectionCount,
            sessions: sessions.sorted { $0.handle < $1.handle },
            bytesRead: sessions.reduce(ended.bytesOut) { $0 + $1.bytesRead },
            bytesWritten: sessions.reduce(ended.bytesIn) { $0 + $1.bytesWritten })
    }

    /// Time that commands on threads are waited for at the end, beyond the grace.
    public static let lastWaitMilliseconds = 30_000

    /// Stops: takes no more connections, asks initiators to log out, and closes what is left when
    /// the grace is over.
    ///
    /// Returns when every session has ended. Commands that a thread is carrying out are waited for,
    /// but no longer than `lastWaitMilliseconds`; false where some had not ended by then. A second
    /// call has nothing to do.
    @discardableResult
    public func stop(graceMilliseconds: Int) -> Bool {
        let listeners = state.withLock { state in
            state.phase = .stopped
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { _ = try? listener.close().wait() }
        let loop = group.next()
        let over = loop.makePromise(of: Bool.self)
        let open = registry.stop { over.succeed(true) }
        let grace = TimeAmount.milliseconds(Int64(max(0, graceMilliseconds)))
        for connection in open { connection.loop.execute { connection.askToLeave(within: grace) } }
        let last = grace + .milliseconds(Int64(Self.lastWaitMilliseconds))
        let alarm = loop.scheduleTask(in: last) { over.succeed(false) }
        defer { alarm.cancel() }
        return (try? over.futureResult.wait()) ?? false
    }

    private func bind(_ listener: ISCSIListener) throws(ISCSIServerError) -> any Channel {
        let name: String
        switch listener {
        case .address(let host, let port): name = "\(host):\(port)"
        case .descriptor(let socket): name = "descriptor \(socket.raw)"
        }
        let channel: any Channel
        do {
            switch listener {
            case .address(let host, let port):
                let address = try SocketAddress(ipAddress: host, port: port)
                try checkProtected(address, name)
                channel = try bootstrap.bind(to: address).wait()
            case .descriptor(let socket):
                // The channel closes the number that it is given.
                let number = try socket.duplicateForHandover()
                channel = try bootstrap.withBoundSocket(number).wait()
                do {
                    if let address = channel.localAddress { try checkProtected(address, name) }
                } catch {
                    _ = try? channel.close().wait()
                    throw error
                }
            }
        } catch let error as ISCSIServerError {
            throw error
        } catch {
            throw .listen(address: name, reason: "\(error)")
        }
        return channel
    }

    /// Beyond loopback every target must ask for a password, and discovery too: names and portals
    /// are nobody's business, and a login that asks for nothing is one more thing to talk to.
    private func checkProtected(
        _ address: SocketAddress, _ name: String
    ) throws(ISCSIServerError) {
        guard configuration.reach == .direct, let bytes = PeerAddress.bytes(address),
            !PeerAddress.isLoopback(bytes)
        else { return }
        for target in configuration.targets where target.credentials.isEmpty {
            throw .unprotected(address: name, target: target.name)
        }
        guard !configuration.discoveryCredentials.isEmpty else {
            throw .unprotectedDiscovery(address: name)
        }
    }

    private var bootstrap: ServerBootstrap {
        let (configuration, registry, pool) = (configuration, registry, pool)
        let limits = configuration.limits
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(
                    low: limits.unsentBytes / 2, high: limits.unsentBytes)
            )
            .childChannelOption(
                .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 256 << 10)
            )
            .childChannelInitializer { channel in
                let connection = ISCSIConnection(
                    configuration: configuration, registry: registry, pool: pool,
                    loop: channel.eventLoop)
                guard registry.enter(connection) else { return channel.close() }
                return channel.pipeline.addHandler(connection)
            }
    }
}

/// Who is logged in to a server.
public struct ISCSIServerStatus: Equatable, Sendable {
    /// One session.
    public struct Session: Equatable, Sendable {
        /// iSCSI name of the initiator.
        public var initiator: String
        /// Name of the target; nil for a discovery session.
        public var target: String?
        /// The target's number of the session.
        public var handle: UInt16
        /// Commands so far; some seconds old.
        public var commands: UInt64
        /// Bytes that the initiator read.
        public var bytesRead: UInt64
        /// Bytes that it wrote.
        public var bytesWritten: UInt64
    }

    /// Connections, logged in or not.
    public var connections: Int
    /// Sessions, by their handles.
    public var sessions: [Session]
    /// Bytes that initiators have read since the start; of running sessions, some seconds old.
    public var bytesRead: UInt64
    /// Bytes that initiators have written since the start; of running sessions, some seconds old.
    public var bytesWritten: UInt64
}
