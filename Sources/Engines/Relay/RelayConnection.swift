import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// One connection: the client's side and the destination's, on one event loop.
///
/// Confined to its event loop, but for `abort` and `finish`, which any thread may call.
final class RelayConnection: @unchecked Sendable {
    private let core: RelayCore
    private let client: any Channel
    private var destination: (any Channel)?
    private let near: RelaySide
    private let far: RelaySide
    private var hasEnded = false

    private struct NotAdmitted: Error {}

    private init(_ client: any Channel, _ core: RelayCore) {
        self.client = client
        self.core = core
        near = RelaySide { core.bytesFromClients.add(UInt64($0), ordering: .relaxed) }
        far = RelaySide { core.bytesToClients.add(UInt64($0), ordering: .relaxed) }
        near.join(far)
    }

    /// Connects an accepted client to its destination.
    ///
    /// The client's channel is not active before that has succeeded, so nothing is read of it; a
    /// failure closes it. On the channel's event loop.
    static func open(
        _ client: any Channel, to address: UInt32, _ port: UInt16, _ core: RelayCore
    ) -> EventLoopFuture<Void> {
        let connection = RelayConnection(client, core)
        guard core.admit(connection) else {
            return client.eventLoop.makeFailedFuture(NotAdmitted())
        }
        return connection.connect(address, port)
    }

    private func connect(_ address: UInt32, _ port: UInt16) -> EventLoopFuture<Void> {
        let place: SocketAddress
        do {
            try RelayOptions.set(on: client)
            try client.pipeline.syncOperations.addHandler(near)
            place = try RelayOptions.address(address, port)
        } catch {
            core.left(self)
            return client.eventLoop.makeFailedFuture(error)
        }
        return ClientBootstrap(group: client.eventLoop)
            .channelOption(.autoRead, value: false)
            .connectTimeout(.milliseconds(Int64(core.limits.connectMilliseconds)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel) }
            }
            .connect(to: place)
            .flatMapThrowing { _ in
                if self.hasEnded { throw NotAdmitted() }
                self.watch()
            }
            .flatMapErrorThrowing { error in
                self.destination?.close(promise: nil)
                self.core.left(self)
                throw error
            }
    }

    private func prepare(_ channel: any Channel) throws {
        guard !hasEnded else { throw NotAdmitted() }
        destination = channel
        try RelayOptions.set(on: channel)
        try RelayOptions.setLifeline(on: channel, milliseconds: core.limits.silenceMilliseconds)
        try channel.pipeline.syncOperations.addHandler(far)
    }

    /// From here on the two sides end each other.
    private func watch() {
        guard let destination else { return }
        client.closeFuture.whenComplete { _ in self.near.hasClosed() }
        destination.closeFuture.whenComplete { _ in self.far.hasClosed() }
        client.closeFuture.and(destination.closeFuture).whenComplete { _ in
            self.near.part()
            self.core.left(self)
        }
    }

    /// Ends both sides at once; what has not been sent is lost, and both peers get to know.
    func abort() {
        client.eventLoop.execute {
            self.hasEnded = true
            RelayOptions.reset(self.client)
            self.destination.map(RelayOptions.reset)
        }
    }

    /// Ends both sides after what is held was sent.
    func finish() {
        client.eventLoop.execute {
            self.hasEnded = true
            // Not connected yet: there is nothing to send.
            guard self.client.isActive else {
                self.client.close(promise: nil)
                self.destination?.close(promise: nil)
                return
            }
            self.near.finish()
            self.far.finish()
        }
    }
}
