import ISCSIWire
import NIOCore
import NIOPosix
import Platform
import SCSITarget

/// The full feature phase of one session: PDUs in, PDUs out.
///
/// A session has one connection (`MaxConnections` is 1): whoever wants more throughput or another
/// path logs in again, as multipath drivers do.
// Used on one event loop only, so it needs no lock; what other threads and loops want of it comes
// through that loop.
final class ISCSISession: @unchecked Sendable {
    /// What a session asks of its connection.
    struct Host {
        /// Sends what `replies` has.
        var flush: () -> Void
        /// Closes once everything has been sent.
        var closeAfterFlush: () -> Void
        /// Every other session of the same target.
        var siblings: () -> [ISCSIConnection]
        /// Closes every session of the target.
        var dropSiblings: () -> Void
    }

    /// A PDU that came before its turn.
    struct Held {
        let header: BasicHeader
        /// Nil for one that counts as come, and does nothing.
        let pdu: InitiatorPDU?
        let data: ByteBuffer
        let isIntact: Bool
    }

    let loop: any EventLoop
    let pool: NIOThreadPool
    let allocator: ByteBufferAllocator
    let limits: ISCSILimits
    let offer: ISCSISessionOffer
    var parameters: SessionParameters
    /// Nil in a discovery session.
    let device: SCSITarget?
    let nexus: SCSINexus?
    let discovery: Discovery
    let connectionID: UInt16
    let counters: SessionCounters
    var host: Host

    var window: CommandWindow
    var statSN: UInt32
    var replies: ReplyQueue
    var tasks: [UInt32: ISCSITask] = [:]
    var held: [UInt32: Held] = [:]
    var heldBytes = 0
    /// Commands that wait for others to end, in their order.
    var blocked: [ISCSITask] = []
    /// Commands that wait for a thread.
    var ready: [ISCSITask] = []
    /// Commands that wait for room to take their data.
    var starved: [ISCSITask] = []
    /// Ordered commands that have not ended.
    var orderedCount = 0
    var immediateCount = 0
    var runningCount = 0
    /// Bytes of data of commands in flight.
    var bytesInFlight = 0
    /// What all sessions share, and what this one waits for of it.
    let budget: ByteBudget
    var waiting: (ticket: ByteBudget.Ticket, count: Int)?
    /// Bytes of it that were waited for and are not used yet.
    var credit = 0
    /// Bytes of commands that have ended, given back when their answers are counted.
    var endedBytes = 0
    /// Answers that the initiator has not taken, and how many bytes of them the budget knows of.
    var unsent = UnsentBytes()
    var unsentTaken = 0
    /// Counts what shows that the initiator goes on: data that comes, and answers that are taken.
    var progress: UInt64 = 0
    var lastProgress: UInt64 = 0
    var lastMoved = NIODeadline.now()
    var nextSequence: UInt64 = 0
    var nextTag: UInt32 = 1
    /// Time that a command took on a thread of late, in nanoseconds.
    var taskCost: Int64 = 20_000
    var text = TextExchange()
    /// The open ping's tag.
    var pingTag: UInt32?
    var isClosing = false
    private(set) var endHandler: (() -> Void)?
    var stock: BufferStock
    let empty: ByteBuffer

    init(
        connection: (loop: any EventLoop, pool: NIOThreadPool, allocator: ByteBufferAllocator),
        configuration: ISCSIServerConfiguration, login: LoginResult, discovery: Discovery,
        numbers: (cmdSN: UInt32, statSN: UInt32), counters: SessionCounters, host: Host
    ) {
        (loop, pool, allocator) = connection
        limits = configuration.limits
        budget = configuration.budget
        stock = BufferStock(configuration.budget)
        offer = configuration.offer
        parameters = login.parameters
        device = login.target.map { configuration.targets[$0].device }
        nexus = device?.attach(
            SCSINexusName(
                initiator: login.initiator, session: login.isid.value,
                portalGroup: configuration.portalGroup))
        self.discovery = discovery
        connectionID = login.connectionID
        self.counters = counters
        self.host = host
        window = CommandWindow(first: numbers.cmdSN, depth: configuration.limits.commands)
        statSN = numbers.statSN
        replies = ReplyQueue(allocator: connection.allocator)
        replies.headerDigest = login.parameters.headerDigest
        replies.dataDigest = login.parameters.dataDigest
        empty = connection.allocator.buffer(capacity: 0)
        nexus?.onAbort { [weak self] abort in
            guard let self else { return }
            loop.execute { self.abortFromOutside(abort) }
        }
    }

    /// The three numbers of the next PDU; one that has a status uses its number up.
    func numbers(usesStatus: Bool = true) -> StatusNumbers {
        window.open(inFlight: tasks.count, isTight: budget.isTight)
        defer { if usesStatus { statSN &+= 1 } }
        return StatusNumbers(
            statSN: statSN, expCmdSN: window.expCmdSN, maxCmdSN: window.maxCmdSN)
    }

    /// A tag that is not reserved.
    func freshTag() -> UInt32 {
        defer { nextTag = nextTag &+ 1 == ISCSIWire.reservedTag ? 1 : nextTag &+ 1 }
        return nextTag
    }

    /// Takes a PDU and its data, other than Data-Out.
    func receive(
        _ header: BasicHeader, _ pdu: InitiatorPDU, data: ByteBuffer, isIntact: Bool
    ) {
        guard !isClosing else { return }
        let cmdSN = header.words[6]
        switch window.judge(cmdSN, isImmediate: header.isImmediate) {
        case .ignore: return
        case .hold:
            guard held[cmdSN] == nil else { return }
            // On one connection nothing comes early but what an initiator means to.
            guard heldBytes + data.readableBytes <= limits.earlyBytes,
                budget.mayForce(data.readableBytes)
            else {
                return host.closeAfterFlush()
            }
            heldBytes += data.readableBytes
            budget.force(data.readableBytes)
            held[cmdSN] = Held(
                header: header, pdu: pdu, data: kept(data, data.readableBytes), isIntact: isIntact)
            return
        case .deliver: break
        }
        if !header.isImmediate { window.deliverNext() }
        deliver(header, pdu, data, isIntact)
        if !held.isEmpty { deliverHeld() }
    }

    /// Delivers what came early and is next.
    func deliverHeld() {
        while let next = takeHeld(window.expCmdSN) {
            window.deliverNext()
            guard let pdu = next.pdu else { continue }
            deliver(next.header, pdu, next.data, next.isIntact)
        }
    }

    /// Takes out what came early under a number, with the memory that it held.
    func takeHeld(_ cmdSN: UInt32) -> Held? {
        guard let early = held.removeValue(forKey: cmdSN) else { return nil }
        heldBytes -= early.data.readableBytes
        budget.give(early.data.readableBytes)
        return early
    }

    private func deliver(
        _ header: BasicHeader, _ pdu: InitiatorPDU, _ data: ByteBuffer, _ isIntact: Bool
    ) {
        if !isIntact {
            reject(header, .dataDigestError)
            // A command whose data is spoilt is answered; anything else must be sent again.
            guard case .command = pdu else { return }
        }
        switch pdu {
        case .command(let command):
            guard device != nil else { return reject(header, .protocolError) }
            start(command, header, data, isIntact: isIntact)
        case .taskManagement(let request):
            guard device != nil else { return reject(header, .protocolError) }
            manage(request)
        case .nopOut(let ping): answer(ping, data)
        case .text(let request): answer(request, data, header)
        case .logout(let request): logout(request)
        case .snack: reject(header, .snackReject)
        case .login: reject(header, .protocolError)
        case .dataOut: return
        }
    }

    /// Refuses a PDU that cannot be understood; its command number counts as delivered.
    func refuse(_ header: BasicHeader, _ reason: RejectReason) {
        let isNumbered = header.opcode != InitiatorOpcode.dataOut.rawValue && !header.isImmediate
        if isNumbered,
            window.judge(header.words[6], isImmediate: false) == .deliver
        {
            window.deliverNext()
        }
        reject(header, reason)
    }

    /// Ends the session: commands end quietly; `handler` is called when the last has.
    func end(_ handler: @escaping () -> Void) {
        isClosing = true
        endHandler = handler
        held = [:]
        budget.give(heldBytes)
        heldBytes = 0
        stopWaiting()
        abortTasks { _ in
            true
        } then: { [self] in
            leaveBudget()
            if let nexus { device?.detach(nexus) }
            endHandler?()
            endHandler = nil
        }
    }
}
