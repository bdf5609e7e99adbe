import BlockDevice
import NBDWire
import NIOCore
import Platform
import Synchronization

extension NBDConnection {
    /// Size of a buffer for gathered replies, in bytes.
    private static let outSize = 160 << 10
    /// Longest reply of a worker that is copied to the gathered ones, in bytes.
    private static let copied = 16 << 10

    /// The buffer of gathered replies, with room for `count` bytes more; it must be put back.
    func takeOut(_ count: Int) -> ByteBuffer {
        if let gathered = out {
            out = nil
            if gathered.readableBytes == 0 || gathered.writableBytes >= count { return gathered }
            out = gathered
            sendOut()
        }
        return shared.takeBuffer(max(Self.outSize, count))
    }

    /// Answers that a request is done.
    func reply(to request: NBDRequest) {
        var buffer = takeOut(64)
        buffer.writeReply(to: request, session?.style ?? .simple)
        put(buffer)
    }

    /// Answers that a request failed.
    func answer(_ request: NBDRequest, _ error: NBDErrorNumber, _ message: String) {
        var buffer = takeOut(64 + NBDLimits.text)
        buffer.writeError(error, message, to: request, session?.style ?? .simple)
        put(buffer)
    }

    private func put(_ buffer: ByteBuffer) {
        out = buffer
        if buffer.readableBytes >= Self.gathered { sendOut() }
    }

    /// Gives the gathered replies to the channel.
    func sendOut() {
        guard let buffer = out, let context else { return }
        guard buffer.readableBytes > 0 else { return }
        out = nil
        let count = buffer.readableBytes
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
        shared.give(buffer)
        noteSent(count)
    }

    /// Ends a batch: everything gathered goes on its way.
    func finishBatch() {
        if !batch.isEmpty {
            queue?.submit(batch)
            batch.removeAll(keepingCapacity: true)
        }
        sendOut()
        if let buffer = out, !hasLeft {
            out = nil
            shared.give(buffer)
        }
        count()
        if isEnding {
            closeWhenAnswered()
        } else if core.isDraining.load(ordering: .relaxed) {
            drain()
        }
    }

    private func count() {
        if newRequests > 0 { core.requests.add(newRequests, ordering: .relaxed) }
        if newBytesRead > 0 { core.bytesRead.add(newBytesRead, ordering: .relaxed) }
        if newBytesWritten > 0 { core.bytesWritten.add(newBytesWritten, ordering: .relaxed) }
        (newRequests, newBytesRead, newBytesWritten) = (0, 0, 0)
    }

    func makeJob(_ request: NBDRequest) -> NBDJob {
        let job = shared.takeJob()
        job.request = request
        job.connection = self
        job.style = session?.style ?? .simple
        return job
    }

    /// Adds a job to the batch.
    func enqueue(_ job: NBDJob) {
        requestsInWork += 1
        if job.request.command == .read { bytesInWork += Int(job.request.length) }
        if job.request.command == .write { newBytesWritten += job.request.length }
        batch.append(job)
    }

    /// Gives back what was charged for a job.
    func settle(_ job: NBDJob) {
        guard job.charged > 0 else { return }
        let charged = job.charged
        job.charged = 0
        if job.payload != nil { bytesInWork -= charged }
        core.budget.give(charged)
    }

    /// Answers what workers have finished.
    func answerFinished() {
        var jobs = answered
        answered = []
        takeFinished(into: &jobs)
        for job in jobs {
            requestsInWork -= 1
            if job.request.command == .read { bytesInWork -= Int(job.request.length) }
            // What the client has not taken counts before the job no longer does.
            if !hasLeft { answer(job) }
            settle(job)
            shared.give(job)
        }
        jobs.removeAll(keepingCapacity: true)
        answered = jobs
        guard !hasLeft else { return }
        finishBatch()
        resume()
    }

    private func answer(_ job: NBDJob) {
        guard job.error == .success else {
            return answer(job.request, job.error, job.message)
        }
        switch job.request.command {
        case .read:
            guard let buffer = job.reply else { return }
            job.reply = nil
            newBytesRead += job.request.length
            send(buffer)
        case .blockStatus:
            var buffer = takeOut(4096)
            buffer.writeStatus(job.extents, to: job.request, job.style)
            put(buffer)
        default: reply(to: job.request)
        }
    }

    /// Sends a worker's reply: a short one with the others, a long one as it is.
    private func send(_ reply: ByteBuffer) {
        if reply.readableBytes <= Self.copied {
            var buffer = takeOut(reply.readableBytes)
            buffer.writeImmutableBuffer(reply)
            put(buffer)
        } else if let context {
            sendOut()
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
            noteSent(reply.readableBytes)
        }
        shared.give(reply)
    }
}
