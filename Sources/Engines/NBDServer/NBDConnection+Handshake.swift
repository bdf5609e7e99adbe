import NBDWire
import NIOCore
import NIOSSL
import Synchronization

extension NBDConnection {
    /// Gives bytes to the handshake and does what it says.
    func takeHandshake(_ buffer: ByteBuffer) {
        handshake?.isDraining = core.isDraining.load(ordering: .relaxed)
        guard let actions = handshake?.receive(buffer.readableBytesView) else { return }
        for action in actions {
            switch action {
            case .send(let bytes): send(bytes)
            case .startTLS: startTLS()
            case .transmit(let session, let rest): transmit(session, rest)
            case .close: endWhenAnswered()
            }
        }
        // A client that asks and does not listen must not fill the memory.
        if handshake != nil, !isWritable { isPaused = true }
    }

    /// Sends bytes of the handshake.
    func send(_ bytes: [UInt8]) {
        guard let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: bytes.count)
        buffer.writeBytes(bytes)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    private func startTLS() {
        guard let context, let tls = core.tls else { return close() }
        socket = nil
        do {
            let handler = NIOSSLServerHandler(context: tls)
            try context.pipeline.syncOperations.addHandler(handler, position: .first)
            handshake?.tlsIsUp()
        } catch {
            close()
        }
    }

    private func transmit(_ session: NBDSession, _ rest: [UInt8]) {
        handshake = nil
        self.session = session
        stream = RequestStream(session)
        queue = core.queues[session.export]
        guard !rest.isEmpty else { return }
        process(ByteBuffer(bytes: rest))
    }
}
