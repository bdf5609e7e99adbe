import Platform

/// Keeps commands on the same blocks apart where that matters: a command that reads, decides and
/// writes (COMPARE AND WRITE, ORWRITE) holds its blocks alone, all others share theirs.
///
/// Locks are held for one command's device calls and never while another is awaited, so nothing can
/// wait in a circle. Any thread.
final class RangeLocks: Sendable {
    private struct Held {
        var first: UInt64
        var end: UInt64
        var isExclusive: Bool
        var ticket: UInt64
    }

    private struct State {
        var held: [Held] = []
        var tickets: UInt64 = 0
        /// Ranges that are held alone, or waited for.
        var exclusives = 0
        /// What exclusive commands wait for: later shared ones do not overtake them.
        var wanted: [Held] = []
    }

    /// How long a range is waited for: as long as a device may hang before it counts as lost.
    private static let patience: Int64 = 60_000

    private let state: Condition<State>

    init() {
        var state = State()
        state.held.reserveCapacity(64)
        self.state = Condition(state)
    }

    /// Waits until the range is free for this use, and takes it; the ticket gives it back.
    ///
    /// Throws `busy` where the range does not become free in time.
    func acquire(
        _ first: UInt64, count: UInt64, exclusive: Bool
    ) throws(Refusal) -> UInt64 {
        if !exclusive, let ticket = tryAcquireShared(first, count: count) { return ticket }
        let mine = enter(first, count: count, exclusive: exclusive)
        let taken: Bool? = state.wait(milliseconds: RangeLocks.patience) { state in
            guard !RangeLocks.isBlocked(mine, state) else { return nil }
            if exclusive { state.wanted.removeAll { $0.ticket == mine.ticket } }
            state.held.append(mine)
            return true
        }
        if taken != nil { return mine.ticket }
        state.change { state in
            guard exclusive else { return }
            state.exclusives -= 1
            state.wanted.removeAll { $0.ticket == mine.ticket }
        }
        throw .busy
    }

    private func enter(_ first: UInt64, count: UInt64, exclusive: Bool) -> Held {
        state.change { state in
            state.tickets += 1
            let mine = Held(
                first: first, end: first + count, isExclusive: exclusive, ticket: state.tickets)
            if exclusive {
                state.exclusives += 1
                state.wanted.append(mine)
            }
            return mine
        }
    }

    /// Takes the range for shared use where that needs no waiting.
    @inline(__always)
    func tryAcquireShared(_ first: UInt64, count: UInt64) -> UInt64? {
        state.change { state in
            state.tickets += 1
            let mine = Held(
                first: first, end: first + count, isExclusive: false, ticket: state.tickets)
            if state.exclusives > 0, RangeLocks.isBlocked(mine, state) { return nil }
            state.held.append(mine)
            return mine.ticket
        }
    }

    /// Gives a range back.
    @inline(__always)
    func release(_ ticket: UInt64) {
        state.change { state in
            guard let place = state.held.lastIndex(where: { $0.ticket == ticket }) else { return }
            if state.held[place].isExclusive { state.exclusives -= 1 }
            state.held.swapAt(place, state.held.count - 1)
            state.held.removeLast()
        }
    }

    /// Whether a range must wait: for a holder, or for an exclusive command that came before.
    private static func isBlocked(_ mine: Held, _ state: State) -> Bool {
        guard state.exclusives > 0 else { return false }
        for other in state.held
        where (mine.isExclusive || other.isExclusive) && overlap(mine, other) { return true }
        for other in state.wanted
        where other.ticket < mine.ticket && overlap(mine, other) { return true }
        return false
    }

    private static func overlap(_ one: Held, _ other: Held) -> Bool {
        one.first < other.end && other.first < one.end
    }
}
