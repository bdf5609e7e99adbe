import NBDWire
import NIOCore
import Platform

/// What the connection's requests and replies take of the memory that all clients share.
extension NBDConnection {
    /// Most bytes that are counted for one extent of a block status.
    private static let extentBytes = 24

    /// Whether a request needs not wait for others' memory: there is enough, or it is short and the
    /// connection has nothing else.
    func mayHold(_ count: Int) -> Bool {
        if !core.budget.isTight { return true }
        return count <= Self.alwaysServed && requestsInWork == 0 && unsent.count == 0
            && currentJob == nil
    }

    /// Queues a request whose answer needs memory, or waits for that.
    func enqueueCharged(_ request: NBDRequest) {
        let count = Self.answerBytes(request)
        if count <= Self.alwaysServed, mayHold(count) {
            core.budget.force(count)
        } else if !core.budget.take(count) {
            return wait(request, count)
        }
        enqueueTaken(request, count)
    }

    /// Queues a request whose memory is taken.
    private func enqueueTaken(_ request: NBDRequest, _ count: Int) {
        let job = makeJob(request)
        job.charged = count
        if request.command == .read {
            let style = session?.style ?? .simple
            job.reply = shared.takeBuffer(ByteBuffer.replySize(of: request, style))
        }
        enqueue(job)
    }

    /// Bytes that a request's answer takes at most.
    private static func answerBytes(_ request: NBDRequest) -> Int {
        guard request.command == .blockStatus else { return Int(request.length) }
        guard !request.flags.contains(.requestOne) else { return extentBytes }
        return extentBytes * Int(min(request.length / 512 + 2, UInt64(NBDJob.extentLimit)))
    }

    /// Takes memory for a payload before it arrives, or waits for it.
    func reserve(_ request: NBDRequest, _ count: Int) {
        guard core.budget.take(count) else { return wait(request, count) }
        currentJob = makePayloadJob(request, count)
    }

    /// A job with room for a payload whose bytes are taken.
    func makePayloadJob(_ request: NBDRequest, _ count: Int) -> NBDJob {
        let job = makeJob(request)
        job.payload = shared.takePayload(count)
        job.charged = count
        bytesInWork += count
        return job
    }

    /// Stops until other connections have given memory back.
    private func wait(_ request: NBDRequest, _ count: Int) {
        isPaused = true
        let loop = shared.loop
        let ticket = core.budget.wait(count) { [self] in
            loop.execute { self.granted() }
        }
        waiting = (request, ticket, count)
    }

    /// The bytes that were waited for are taken.
    private func granted() {
        guard let (request, _, count) = waiting else { return }
        waiting = nil
        guard !isEnding else { return core.budget.give(count) }
        if let rest = stream?.payloadLeft, rest > 0 {
            currentJob = makePayloadJob(request, count)
        } else {
            enqueueTaken(request, count)
        }
        finishBatch()
        resume()
    }

    /// Goes on with a small request that waits, once the connection has nothing else.
    func leaveQueueIfAlone() {
        guard let (_, ticket, count) = waiting, count <= Self.alwaysServed, requestsInWork == 0,
            unsent.count == 0, currentJob == nil, core.budget.cancel(ticket)
        else { return }
        core.budget.force(count)
        granted()
    }

    /// Counts bytes that were given to the channel as long as the client has not taken them.
    func noteSent(_ count: Int) {
        guard !hasLeft else { return }
        let isTaken = bufferedBytes == 0
        if isTaken && unsent.count == 0 { return }
        if unsent.sent(count, isTaken: isTaken) { setMark() }
        accountUnsent()
    }

    private func setMark() {
        guard let context else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in self.markLeft() }
    }

    private func markLeft() {
        guard !hasLeft else { return }
        if unsent.markLeft() { setMark() }
        accountUnsent()
        resume()
    }

    /// Tells the budget what the client has not taken.
    func accountUnsent() {
        let more = unsent.count - unsentTaken
        unsentTaken = unsent.count
        if more > 0 { core.budget.force(more) } else { core.budget.give(-more) }
    }
}
