import NIOCore
import NIOPosix
import Platform
import Synchronization

/// Carries connections from listening sockets to other addresses, byte for byte.
///
/// Sockets belong to the network namespace that they were made in: a relay accepts on sockets of
/// one namespace, and connects in the one it runs in. Each connection has two directions that end
/// one by one; an error of one side ends the other at once. What is held of a direction is bounded:
/// who sends faster than the other takes must wait (`RelayLimits`).
///
/// Has event loops of its own, which run from `init` to `stop`. Any thread but theirs; every call
/// but `figures` may block, `stop` for the grace given.
public final class Relay: Sendable {
    private let core: RelayCore
    private let group: MultiThreadedEventLoopGroup
    private let hasStopped = Atomic(false)
    private let listening = Mutex<[(channel: any Channel, socket: OwnedFD)]>([])

    /// Starts the event loops.
    public init(limits: RelayLimits = RelayLimits()) {
        core = RelayCore(limits)
        group = MultiThreadedEventLoopGroup(
            numberOfThreads: min(4, max(2, System.coreCount)))
    }

    deinit { group.shutdownGracefully { _ in } }

    /// What has been done so far.
    public var figures: RelayFigures { core.figures }

    /// Accepts on these sockets, besides those of earlier calls.
    ///
    /// Where one fails, the relay has ended.
    public func start(_ listeners: [RelayListener]) throws(RelayError) {
        if let reason = core.end { throw .ended(reason) }
        for listener in listeners {
            do {
                let raw = try listener.socket.duplicateForHandover()
                let channel = try bootstrap(for: listener).withBoundSocket(raw).wait()
                listening.withLock { $0.append((channel, listener.socket)) }
            } catch {
                cut("a listening socket is unusable")
                throw .listen("\(error)")
            }
        }
        // Ended meanwhile: what has been opened since closes as well.
        if let reason = core.end {
            stopListening()
            throw .ended(reason)
        }
    }

    /// Ends every connection at once, as if it had failed, and refuses later ones.
    public func cut(_ reason: String) {
        for connection in core.close(reason) { connection.abort() }
        stopListening()
    }

    /// Refuses later connections, and ends the others after what is held of them was sent; cuts
    /// off those that take longer than the grace.
    ///
    /// Afterwards nothing of the relay runs. Again: nothing.
    public func stop(graceMilliseconds: Int64) {
        guard !hasStopped.exchange(true, ordering: .relaxed) else { return }
        let connections = core.close("it was stopped")
        stopListening()
        for connection in connections { connection.finish() }
        if !core.waitUntilEmpty(milliseconds: graceMilliseconds) {
            for connection in core.close("it was stopped") { connection.abort() }
            _ = core.waitUntilEmpty(milliseconds: 10_000)
        }
        settle()
        // Closes what is still there; cannot fail the first time.
        try? group.syncShutdownGracefully()
    }

    /// Waits for what event loops still have to tell each other: a connection that was not let in
    /// goes from the listener's loop to its own, and twice again.
    private func settle() {
        for _ in 0..<4 {
            for loop in group.makeIterator() { try? loop.submit {}.wait() }
        }
    }

    private func stopListening() {
        let ended = listening.withLock { listening in
            defer { listening = [] }
            return listening
        }
        for (channel, socket) in ended {
            // It may have failed and closed before.
            try? channel.close().wait()
            StreamSocket.stopListening(socket)
        }
    }

    private func bootstrap(for listener: RelayListener) -> ServerBootstrap {
        let core = core
        let (address, port) = (listener.address, listener.port)
        return ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                RelayConnection.open(client, to: address, port, core)
            }
    }
}
