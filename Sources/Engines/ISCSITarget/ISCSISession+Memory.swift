import NIOCore
import Platform

/// What a session takes of the memory that all sessions share.
extension ISCSISession {
    /// Bytes that a session which has nothing else is always given.
    static let alwaysServed = 64 << 10

    /// Whether an answer may be made at once: there is enough memory, or it is short and the
    /// session has nothing else.
    func mayHold(_ count: Int) -> Bool {
        count == 0 || !budget.isTight
            || (count <= Self.alwaysServed && bytesInFlight == 0 && unsent.count == 0)
    }

    /// Whether data may be kept that comes without having been asked for: there is memory, or the
    /// session's commands have none.
    func mayKeepUnasked(_ count: Int) -> Bool { bytesInFlight == 0 || budget.mayForce(count) }

    /// The beginning of received data, to be kept: not in a buffer that was made for much more.
    func kept(_ data: ByteBuffer, _ count: Int) -> ByteBuffer {
        guard let slice = data.getSlice(at: data.readerIndex, length: count) else { return empty }
        guard data.storageCapacity > 2 * count else { return slice }
        var copy = allocator.buffer(capacity: count)
        copy.writeImmutableBuffer(slice)
        return copy
    }

    /// Whether more may be received: the initiator has taken what it was sent, or there is room for
    /// answers that it does not take.
    var mayAnswer: Bool { unsent.count == 0 || !budget.isTight || budget.mayForce(1) }

    /// Takes memory for a command, or has the session wait for it; false where it waits.
    func charge(_ count: Int) -> Bool {
        if count <= 0 { return true }
        if credit >= count {
            credit -= count
            return true
        }
        if count <= Self.alwaysServed, bytesInFlight == 0, unsent.count == 0 {
            budget.force(count)
            return true
        }
        guard waiting == nil, !isClosing else { return false }
        if budget.take(count) { return true }
        let loop = loop
        let ticket = budget.wait(count) { [self] in loop.execute { self.granted() } }
        waiting = (ticket, count)
        return false
    }

    /// The bytes that were waited for are taken.
    private func granted() {
        guard let (_, count) = waiting else { return }
        waiting = nil
        credit += count
        feedStarved()
        dispatch()
        budget.give(credit)
        credit = 0
        host.flush()
    }

    /// Notes answers that were given to the channel; true where a mark is to be set behind them.
    func noteSent(_ count: Int, isTaken: Bool) -> Bool {
        guard count > 0 || unsent.count > 0 else { return false }
        defer { accountUnsent() }
        return unsent.sent(count, isTaken: isTaken)
    }

    /// Notes that the initiator has taken everything before a mark; true where another is to be
    /// set.
    func markLeft() -> Bool {
        progress &+= 1
        defer { accountUnsent() }
        return unsent.markLeft()
    }

    /// Gives back what commands held that have ended, now that their answers are counted.
    func settleEnded() {
        guard endedBytes > 0 else { return }
        let count = endedBytes
        endedBytes = 0
        budget.give(count)
    }

    private func accountUnsent() {
        let more = unsent.count - unsentTaken
        unsentTaken = unsent.count
        if more > 0 { budget.force(more) } else { budget.give(-more) }
    }

    /// Whether the session holds memory that others wait for, and its initiator does nothing that
    /// would free it.
    func isStuck(_ now: NIODeadline, _ limits: ISCSILimits) -> Bool {
        let owesData = tasks.values.contains {
            $0.state == .collecting && $0.budget > 0 && $0.transfer.expectsData
        }
        let holds = (owesData || unsent.count > 0) && runningCount == 0
        if progress != lastProgress || !holds || !budget.isShort {
            (lastProgress, lastMoved) = (progress, now)
        }
        return now - lastMoved > .milliseconds(limits.shortMilliseconds)
    }

    /// Waits for no memory any more.
    func stopWaiting() {
        guard let (ticket, count) = waiting else { return }
        waiting = nil
        if !budget.cancel(ticket) { budget.give(count) }
    }

    /// Gives everything back; the session has ended.
    func leaveBudget() {
        unsent = UnsentBytes()
        accountUnsent()
        settleEnded()
        stock.empty()
    }
}
