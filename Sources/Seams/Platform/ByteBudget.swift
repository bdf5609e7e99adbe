import Synchronization

/// A bound on the memory that many take together, who wait for it in their order.
///
/// Counts bytes, and allocates none of them. Any thread.
public final class ByteBudget: Sendable {
    /// Names one who waits.
    public typealias Ticket = UInt64

    private struct Waiter {
        var ticket: Ticket
        var count: Int
        var wake: @Sendable () -> Void
    }

    private struct State {
        var used = 0
        var kept = 0
        var waiting: [Waiter] = []
        var lastTicket: Ticket = 0
        /// When somebody waited last, in milliseconds.
        var lastWait: Int64?
    }

    /// Most bytes that are taken, but for what is forced.
    public let limit: Int
    private let state = Mutex(State())
    private let tight = Atomic(false)

    /// How long after somebody waited the budget still counts as short, in milliseconds.
    private static let shortTime: Int64 = 2000

    /// A budget of so many bytes.
    public init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Bytes that are taken now.
    public var used: Int { state.withLock { $0.used } }

    /// Whether little is left, or somebody waits: what can be put off should be.
    public var isTight: Bool { tight.load(ordering: .relaxed) }

    /// Whether somebody waits, or did a moment ago.
    public var isShort: Bool {
        state.withLock { state in
            guard state.waiting.isEmpty else { return true }
            return state.lastWait.map { Clock.milliseconds() - $0 < Self.shortTime } ?? false
        }
    }

    /// Takes bytes; false where there are too few, or others wait already.
    ///
    /// What is more than three quarters of the limit may exceed it: else it would wait for ever.
    public func take(_ count: Int) -> Bool {
        guard count > 0 else { return true }
        return state.withLock { state in
            guard state.waiting.isEmpty, fits(count, state.used) else { return false }
            add(count, to: &state)
            return true
        }
    }

    /// Takes bytes that are there already, or are so few that they need not wait.
    public func force(_ count: Int) {
        guard count > 0 else { return }
        state.withLock { add(count, to: &$0) }
    }

    /// Whether so many bytes that come without having been asked for are to be forced: false where
    /// a quarter more than the limit would be taken, which then counts as short.
    public func mayForce(_ count: Int) -> Bool {
        guard count > 0 else { return true }
        return state.withLock { state in
            if state.used + count <= limit + limit / 4 { return true }
            state.lastWait = Clock.milliseconds()
            return false
        }
    }

    /// Gives bytes back, and lets those go on who waited for them.
    public func give(_ count: Int) {
        guard count > 0 else { return }
        let ready = state.withLock { state in
            add(-count, to: &state)
            return grant(&state)
        }
        for wake in ready { wake() }
    }

    /// Waits for bytes behind everybody who does already; they are taken when `wake` is called.
    ///
    /// `wake` is called once, on any thread, perhaps before this returns, and never after `cancel`
    /// has returned true.
    public func wait(_ count: Int, wake: @escaping @Sendable () -> Void) -> Ticket {
        let (ticket, ready) = state.withLock { state in
            state.lastTicket += 1
            state.lastWait = Clock.milliseconds()
            let ticket = state.lastTicket
            state.waiting.append(Waiter(ticket: ticket, count: count, wake: wake))
            return (ticket, grant(&state))
        }
        for wake in ready { wake() }
        return ticket
    }

    /// Waits no longer; false where the bytes have been taken already, and must be given back.
    public func cancel(_ ticket: Ticket) -> Bool {
        let (wasWaiting, ready) = state.withLock { state -> (Bool, [@Sendable () -> Void]) in
            guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else {
                return (false, [])
            }
            state.waiting.remove(at: index)
            return (true, grant(&state))
        }
        for wake in ready { wake() }
        return wasWaiting
    }

    /// Counts memory that is kept for use again, beside the limit; false where that is more than a
    /// quarter of it.
    public func keep(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.kept + count <= limit / 4 else { return false }
            state.kept += count
            return true
        }
    }

    /// Tells that kept memory is used again, or freed.
    public func release(_ count: Int) {
        state.withLock { $0.kept -= count }
    }

    private func fits(_ count: Int, _ used: Int) -> Bool {
        used + min(count, limit - limit / 4) <= limit
    }

    private func add(_ count: Int, to state: inout State) {
        state.used += count
        noteTight(state)
    }

    private func noteTight(_ state: borrowing State) {
        let isTight = state.used > limit - limit / 8 || !state.waiting.isEmpty
        if isTight != tight.load(ordering: .relaxed) { tight.store(isTight, ordering: .relaxed) }
    }

    /// Takes for those who can go on; returns how they are woken.
    private func grant(_ state: inout State) -> [@Sendable () -> Void] {
        var ready: [@Sendable () -> Void] = []
        while let first = state.waiting.first, fits(first.count, state.used) {
            state.waiting.removeFirst()
            state.used += first.count
            ready.append(first.wake)
        }
        if !state.waiting.isEmpty { state.lastWait = Clock.milliseconds() }
        noteTight(state)
        return ready
    }
}

/// Bytes that were given to a socket's channel and may not have left it: a pure value.
///
/// Nothing says when bytes leave, but for a mark behind them, which is set only where some stay.
public struct UnsentBytes: Sendable {
    /// Bytes that may still be there.
    public private(set) var count = 0
    private var marked = 0

    /// None.
    public init() {}

    /// Notes bytes that were flushed, and whether the channel has nothing left now; true where a
    /// mark is to be set behind them.
    public mutating func sent(_ bytes: Int, isTaken: Bool) -> Bool {
        guard !isTaken else {
            (count, marked) = (0, 0)
            return false
        }
        count += bytes
        guard marked == 0, count > 0 else { return false }
        marked = count
        return true
    }

    /// Notes that everything before the mark has left; true where another one is to be set.
    public mutating func markLeft() -> Bool {
        count = max(0, count - marked)
        marked = count
        return marked > 0
    }
}
