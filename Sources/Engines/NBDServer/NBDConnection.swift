import BlockDevice
import NBDWire
import NIOCore
import NIOSSL
import Platform
import Synchronization

/// One client: moves bytes between its channel, the pure handshake and request machines, and the
/// device.
///
/// Confined to its event loop's thread, but for `finished`, `isGone` and what lies behind them:
/// a lock and an atomic.
final class NBDConnection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let core: NBDServerCore
    let shared: NBDLoop
    var context: ChannelHandlerContext?
    /// The socket, where bytes may be taken from it directly: never under TLS.
    var socket: Int32?

    var handshake: NBDHandshake?
    var stream: RequestStream?
    var session: NBDSession?
    var queue: NBDWorkQueue?

    /// Replies that have not been given to the channel yet.
    var out: ByteBuffer?
    /// Jobs that have not been given to the queue yet.
    var batch: [NBDJob] = []
    /// Jobs that are being answered; empty in between.
    var answered: [NBDJob] = []
    /// Received bytes that wait until there is room for what they ask.
    var pending: ByteBuffer?
    /// A request that waits for other connections to give memory back, and for how many bytes.
    var waiting: (request: NBDRequest, ticket: ByteBudget.Ticket, count: Int)?
    /// The write whose payload is arriving.
    var current: NBDRequest?
    var currentJob: NBDJob?
    /// Answer to the current payload's request, which is not done, only passed over.
    var refusal: (NBDErrorNumber, String)?

    var requestsInWork = 0
    var bytesInWork = 0
    /// Bytes that the client has not taken, and how many of them the budget knows of.
    var unsent = UnsentBytes()
    var unsentTaken = 0
    var isWritable = true
    var isPaused = false
    var isReadHeld = false
    /// Nothing more is taken from the client; the channel closes when everything is answered.
    var isEnding = false
    var hasLeft = false

    // For the clock.
    var hasMoved = false
    var age = 0
    var drainAge = 0
    var stalled = 0
    var lastBuffered = 0

    // Counted here, told to the server once a batch.
    var newRequests: UInt64 = 0
    var newBytesRead: UInt64 = 0
    var newBytesWritten: UInt64 = 0

    private let done = Mutex<[NBDJob]>([])
    private let gone = Atomic(false)

    init(_ core: NBDServerCore, _ shared: NBDLoop) {
        self.core = core
        self.shared = shared
        handshake = NBDHandshake(core.policy)
    }

    /// Whether the client has gone; any thread.
    var isGone: Bool { gone.load(ordering: .relaxed) }

    /// Takes a job back from a worker, and says whether the connection must be woken.
    ///
    /// Any thread.
    func finished(_ job: NBDJob) -> Bool {
        done.withLock { done in
            done.append(job)
            return done.count == 1
        }
    }

    /// Has finished jobs answered soon.
    ///
    /// Any thread.
    func wake() { shared.loop.execute { self.answerFinished() } }

    /// Moves the jobs that workers have finished to an empty array.
    func takeFinished(into jobs: inout [NBDJob]) {
        done.withLock { swap(&$0, &jobs) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        shared.add(self)
    }

    func channelActive(context: ChannelHandlerContext) {
        socket = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        send(NBDHandshake.greeting)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A broken socket or TLS session: nothing can be told to the client any more.
        close()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        hasMoved = true
        guard !isEnding else { return }
        if handshake != nil {
            takeHandshake(buffer)
        } else if isPaused {
            hold(buffer)
        } else {
            process(buffer)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        finishBatch()
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if isPaused || isEnding {
            isReadHeld = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        hasMoved = true
        if isWritable { resume() }
        context.fireChannelWritabilityChanged()
    }

    /// Keeps bytes until there is room again.
    func hold(_ buffer: ByteBuffer) {
        guard var held = pending else {
            pending = buffer
            return
        }
        pending = nil
        held.discardReadBytes()
        held.writeImmutableBuffer(buffer)
        pending = held
    }

    /// Frees what the connection holds; once.
    private func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        isEnding = true
        gone.store(true, ordering: .relaxed)
        // What has not been given to the queue is not done: its client broke off.
        for job in batch + [currentJob].compactMap({ $0 }) {
            settle(job)
            shared.give(job)
        }
        if let waiting, !core.budget.cancel(waiting.ticket) { core.budget.give(waiting.count) }
        unsent = UnsentBytes()
        accountUnsent()
        (batch, currentJob) = ([], nil)
        (out, pending, waiting, socket) = (nil, nil, nil, nil)
        shared.remove(self)
        core.left()
    }
}
