import ISCSIWire
import NIOCore
import NIOPosix

/// One TCP connection: cuts its bytes into PDUs, logs in, and feeds a session.
// Used on its own event loop only, so it needs no lock; what other threads want of it comes
// through that loop.
final class ISCSIConnection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How far the connection is.
    enum Phase {
        case login(LoginMachine)
        /// The login is over, but for the end of the session that it replaces.
        case joining
        case session(ISCSISession)
        /// What is queued is still sent; nothing is read.
        case closing
    }

    /// A PDU that has begun.
    struct Current {
        let header: BasicHeader
        let pdu: InitiatorPDU?
        /// Why it is refused when it ends.
        var refusal: RejectReason?
        var destination: ISCSISession.Destination?
        var data: ByteBuffer?
    }

    let configuration: ISCSIServerConfiguration
    let registry: SessionRegistry
    let pool: NIOThreadPool
    let loop: any EventLoop
    let counters = SessionCounters()
    var phase: Phase
    var framer = Framer()
    var current: Current?
    var context: ChannelHandlerContext?
    var statSN: UInt32 = 1
    var timers: [Scheduled<Void>] = []
    var peer: [UInt8]?
    var portal: String?
    private var input = ByteBuffer()
    private var wantsRead = false
    private var hasUnflushed = false
    private var isProcessing = false
    /// When the last PDU was complete, and when the initiator was asked for a sign of life.
    var lastHeard = NIODeadline.now()
    var pingedAt: NIODeadline?
    private var endWaiters: [() -> Void] = []
    private var isEnding = false
    /// It is being closed: what still comes is not read.
    private var isLeaving = false
    private(set) var hasEnded = false

    init(
        configuration: ISCSIServerConfiguration, registry: SessionRegistry, pool: NIOThreadPool,
        loop: any EventLoop
    ) {
        self.configuration = configuration
        self.registry = registry
        self.pool = pool
        self.loop = loop
        phase = .closing
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        peer = context.remoteAddress.flatMap { PeerAddress.bytes($0) }
        portal = context.localAddress.flatMap { PeerAddress.portal($0) }
        let registry = registry
        phase = .login(
            LoginMachine(
                LoginMachine.Setting(
                    configuration: configuration, peer: peer,
                    sessionExists: { registry.exists($0) })))
        let limit = TimeAmount.milliseconds(configuration.limits.loginMilliseconds)
        timers.append(loop.scheduleTask(in: limit) { [weak self] in self?.loginIsLate() })
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if input.readableBytes == 0 {
            input = bytes
        } else {
            input.writeBuffer(&bytes)
        }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .session(let session) = phase { session.dispatch() }
        flush()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { wantsRead = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { resume() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Whether more bytes are wanted: not while the initiator does not take what it asked for.
    private var mayRead: Bool {
        if isLeaving { return false }
        return switch phase {
        case .login, .session: context?.channel.isWritable == true && input.readableBytes == 0
        case .joining, .closing: false
        }
    }

    /// Goes on after a pause: with what was received first.
    func resume() {
        process()
        if case .session(let session) = phase { session.dispatch() }
        flush()
        if wantsRead, mayRead {
            wantsRead = false
            context?.read()
        }
    }

    private func process() {
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        do throws(FramingError) {
            while try step() {}
        } catch {
            close()
        }
        if input.readableBytes == 0 { input = ByteBuffer() }
    }

    /// Takes one step; false where nothing more can be done at present.
    private func step() throws(FramingError) -> Bool {
        if isLeaving { return false }
        switch phase {
        case .joining, .closing: return false
        case .session(let session):
            guard session.mayAnswer else { return false }
            if session.replies.byteCount >= 256 << 10 {
                session.dispatch()
                flush()
                guard context?.channel.isWritable == true else { return false }
            }
        case .login: break
        }
        switch try framer.step(&input) {
        case .needMore: return false
        case .begin(let header, let additional): begin(header, additional)
        case .piece(let piece, let offset): take(piece, at: offset)
        case .end(let isIntact): finish(isIntact: isIntact)
        }
        return true
    }

    /// Sends what the session has queued.
    func flush() {
        guard case .session(let session) = phase, session.replies.byteCount > 0 else {
            if hasUnflushed {
                hasUnflushed = false
                context?.flush()
            }
            if case .session(let session) = phase { session.settleEnded() }
            return
        }
        let count = session.replies.byteCount
        var buffers = session.replies.take()
        for buffer in buffers {
            context?.write(wrapOutboundOut(buffer), promise: nil)
        }
        session.replies.reuse(&buffers)
        context?.flush()
        noteSent(count, session)
        session.settleEnded()
    }

    /// Counts answers as long as the initiator has not taken them.
    private func noteSent(_ count: Int, _ session: ISCSISession) {
        let options = context?.channel.syncOptions
        let buffered = (try? options?.getOption(.bufferedWritableBytes)) ?? 0
        if session.noteSent(count, isTaken: buffered == 0) { setMark(session) }
    }

    private func setMark(_ session: ISCSISession) {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            guard case .session = self.phase, !self.isEnding else { return }
            if session.markLeft() { self.setMark(session) }
            self.resume()
        }
    }

    /// Sends one PDU of a login.
    func write(_ header: BasicHeader, bytes: [UInt8]) {
        guard let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: 48 + bytes.count + 4)
        buffer.writeBytes(header.bytes)
        buffer.writeBytes(bytes)
        buffer.writeRepeatingByte(0, count: ISCSIWire.padded(bytes.count) - bytes.count)
        context.write(wrapOutboundOut(buffer), promise: nil)
        hasUnflushed = true
    }

    /// Closes at once.
    func close() {
        flush()
        if case .session = phase {} else { phase = .closing }
        context?.close(promise: nil)
    }

    /// Closes when everything has been sent, or soon after.
    func closeAfterFlush() {
        flush()
        guard !isLeaving, let context else { return }
        isLeaving = true
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { [weak self] _ in
            self?.context?.close(promise: nil)
        }
        timers.append(loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.close() })
    }

    /// Calls back when the connection and its session have ended; on this event loop.
    func whenEnded(_ waiter: @escaping () -> Void) {
        if hasEnded { waiter() } else { endWaiters.append(waiter) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { ended() }

    private func ended() {
        guard !isEnding else { return }
        isEnding = true
        for timer in timers { timer.cancel() }
        timers = []
        current = nil
        guard case .session(let session) = phase else { return hasLeft() }
        phase = .closing
        session.end { self.hasLeft() }
    }

    private func hasLeft() {
        phase = .closing
        context = nil
        hasEnded = true
        registry.leave(self)
        for waiter in endWaiters { waiter() }
        endWaiters = []
    }
}
