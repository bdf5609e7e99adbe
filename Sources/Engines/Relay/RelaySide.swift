import NIOCore

/// One side of a connection: what it reads, the other sends.
///
/// Reads only while the other side has room. Confined to the event loop that both have.
final class RelaySide: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let count: (Int) -> Void
    private var context: ChannelHandlerContext?
    /// Nil once both sides are closed.
    private var other: RelaySide?
    /// Whether reading waits for room on the other side.
    private var isHeld = false
    /// The peer has said all.
    private var inputEnded = false
    /// The peer was told the end of what it gets, or is about to be once all is sent.
    private var isEnding = false
    /// The peer was told that end.
    private var outputEnded = false
    /// Nothing is read any more, and the side closes once all is sent.
    private var isFinishing = false
    private var hasFailed = false

    /// `count` gets the bytes of each read.
    init(count: @escaping (Int) -> Void) { self.count = count }

    /// Makes two sides each other's.
    func join(_ other: RelaySide) {
        self.other = other
        other.other = self
    }

    /// Takes them apart again.
    func part() {
        other?.other = nil
        other = nil
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// The client's channel becomes active last: then both begin to read.
    func channelActive(context: ChannelHandlerContext) {
        guard let other, other.context?.channel.isActive == true else { return }
        goOn()
        other.goOn()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFinishing, let other else { return }
        let bytes = unwrapInboundIn(data)
        count(bytes.readableBytes)
        other.send(bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        other?.context?.flush()
        goOn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable, let other, other.isHeld else { return }
        other.goOn()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let event = event as? ChannelEvent, event == .inputClosed else { return }
        inputEnded = true
        other?.endOutput()
        if outputEnded { close() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        hasFailed = true
        close()
    }

    /// The channel has closed.
    func hasClosed() {
        // An end whose other direction had ended before closes at once, without an event.
        if outputEnded, !hasFailed { inputEnded = true }
        if inputEnded || isFinishing {
            other?.finish()
        } else {
            other?.abort()
        }
    }

    /// Reads nothing more; sends what waits, and closes.
    func finish() {
        guard !isFinishing else { return }
        isFinishing = true
        if outputEnded { close() } else { endOutput() }
    }

    /// Reads on, as soon as the other side has room.
    private func goOn() {
        guard !inputEnded, !isFinishing, let room = other?.context?.channel else { return }
        isHeld = !room.isWritable
        if !isHeld { context?.read() }
    }

    private func send(_ bytes: ByteBuffer) {
        guard !isEnding else { return }
        context?.write(wrapOutboundOut(bytes), promise: nil)
    }

    /// The other peer has said all: this one gets to know once it has got all of it.
    private func endOutput() {
        guard !isEnding, let context else { return }
        isEnding = true
        // An empty write comes last.
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenSuccess {
            self.outputEnded = true
            if self.inputEnded || self.isFinishing {
                self.close()
            } else {
                self.context?.close(mode: .output, promise: nil)
            }
        }
    }

    private func abort() { context.map { RelayOptions.reset($0.channel) } }

    private func close() { context?.close(promise: nil) }
}
