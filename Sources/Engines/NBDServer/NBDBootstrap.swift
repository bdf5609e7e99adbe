import NIOCore
import NIOPosix
import Platform

/// Opens listening channels, and admits connections.
struct NBDBootstrap {
    let core: NBDServerCore
    let group: MultiThreadedEventLoopGroup

    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 1024
    /// Bytes taken from a socket at once, more for those who send more; long payloads go another
    /// way.
    private static let receive = AdaptiveRecvByteBufferAllocator(
        minimum: 2 << 10, initial: 2 << 10, maximum: 16 << 10)
    /// Bytes waiting to be sent at which a client gets no more answers, and again some.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(
        low: 256 << 10, high: 1 << 20)

    /// Listens, without accepting anything before `autoRead` is switched on.
    ///
    /// Blocks.
    func open(_ place: NBDListener) throws(NBDServerError) -> any Channel {
        switch place {
        case .tcp(let ip, let port):
            let name = "\(ip):\(port)"
            guard (0...65_535).contains(port),
                let address = try? SocketAddress(ipAddress: ip, port: port)
            else { throw .badAddress(name) }
            return try wait(name) { $0.bind(to: address) }
        case .unix(let path):
            // Not bound by the channel, which would remove whatever has the name at its end.
            let socket: OwnedFD
            do { socket = try UnixSocket.listen(at: path) } catch {
                throw .listen(path, "\(error)")
            }
            do {
                try Files.setMode(path, 0o600)
                return try take(socket, path)
            } catch {
                try? Files.remove(path)
                throw error as? NBDServerError ?? .listen(path, "\(error)")
            }
        case .socket(let socket): return try take(socket, "a socket that was passed in")
        }
    }

    /// Makes a channel of a socket that is bound.
    private func take(_ socket: OwnedFD, _ name: String) throws(NBDServerError) -> any Channel {
        do {
            let raw = try socket.duplicateForHandover()
            let channel = try wait(name) { $0.withBoundSocket(raw) }
            // The channel has made it its own default.
            try socket.listen(backlog: Self.backlog)
            return channel
        } catch {
            throw error as? NBDServerError ?? .listen(name, "\(error)")
        }
    }

    private func wait(
        _ name: String, _ bind: (ServerBootstrap) -> EventLoopFuture<any Channel>
    ) throws(NBDServerError) -> any Channel {
        do {
            return try bind(bootstrap).wait()
        } catch {
            throw .listen(name, "\(error)")
        }
    }

    private var bootstrap: ServerBootstrap {
        let core = core
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.recvAllocator, value: Self.receive)
            .childChannelOption(.writeBufferWaterMark, value: Self.waterMark)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.admit(channel, core) }
            }
    }

    /// Lets a connection in; an error closes it.
    private static func admit(_ channel: any Channel, _ core: NBDServerCore) throws {
        var peer = NBDPeer.local
        if let ip = channel.remoteAddress?.ipAddress {
            peer = .network(ip)
            let options = channel.syncOptions
            try options?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try options?.setOption(.socketOption(.so_keepalive), value: 1)
        }
        guard core.configuration.allow(peer), core.admit() else { throw NotAdmitted() }
        do {
            let connection = NBDConnection(core, core.shared(channel.eventLoop))
            try channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            core.left()
            throw error
        }
    }

    private struct NotAdmitted: Error {}
}
