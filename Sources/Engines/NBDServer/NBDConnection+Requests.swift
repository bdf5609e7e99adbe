import BlockDevice
import NBDWire
import NIOCore
import Platform
import Synchronization

extension NBDConnection {
    /// Longest read that is tried on the event loop, in bytes.
    static let immediateRead: UInt64 = 512 << 10
    /// Longest write that is done on the event loop, in bytes, where the device allows it.
    static let immediateWrite: UInt64 = 128 << 10
    /// Replies that are gathered before they are given to the channel, in bytes.
    static let gathered = 128 << 10
    /// Requests that never wait for other connections' memory, in bytes.
    static let alwaysServed = 64 << 10
    /// Rest of a payload from which on it is taken from the socket directly, in bytes.
    static let directRest = 16 << 10

    /// Whether one more request has to wait for this connection's own requests.
    var isFull: Bool {
        let limits = core.configuration.limits
        return requestsInWork >= limits.requests || bytesInWork >= limits.bytes || !isWritable
            || waiting != nil
    }

    /// Does what the bytes ask for, as far as there is room; holds the rest.
    func process(_ received: ByteBuffer) {
        var buffer = received
        let used = buffer.withUnsafeReadableBytes { all in
            var bytes = all
            while !isEnding {
                if waiting != nil || (stream?.payloadLeft == 0 && isFull) {
                    isPaused = true
                    break
                }
                guard let event = stream?.next(&bytes) else { break }
                handle(event)
            }
            return all.count - bytes.count
        }
        buffer.moveReaderIndex(forwardBy: used)
        if isEnding { return }
        if buffer.readableBytes > 0 { return hold(buffer) }
        receiveDirectly()
    }

    private func handle(_ event: RequestStream.Event) {
        switch event {
        case .request(let request): begin(request)
        case .refused(let request, let error, let message):
            newRequests += 1
            answer(request, error, message)
        case .payload(let piece, let isLast): take(piece, isLast: isLast)
        case .disconnect: endWhenAnswered()
        case .violation: close()
        }
    }

    /// Begins a request that its header allows.
    private func begin(_ request: NBDRequest) {
        newRequests += 1
        guard let stream, let session else { return }
        if core.isDraining.load(ordering: .acquiring) {
            guard !core.isCut.load(ordering: .relaxed) else { return close() }
            let refusal = (NBDErrorNumber.shutdown, "the server is going away")
            guard stream.payloadLeft > 0 else { return answer(request, refusal.0, refusal.1) }
            (current, self.refusal) = (request, refusal)
            return
        }
        if stream.payloadLeft > 0 {
            current = request
            let count = stream.payloadLeft
            if count > Self.alwaysServed || !mayHold(count) { reserve(request, count) }
            return
        }
        switch request.command {
        case .write: reply(to: request)
        case .read:
            if request.length <= Self.immediateRead, mayHold(Int(request.length)),
                readNow(request, session.style)
            {
                return
            }
            enqueueCharged(request)
        case .blockStatus: enqueueCharged(request)
        default: enqueue(makeJob(request))
        }
    }

    /// Reads on the event loop where the device needs not wait.
    private func readNow(_ request: NBDRequest, _ style: NBDHeaderStyle) -> Bool {
        guard let device = queue?.device, request.length == 0 || device.can(.immediateReads) else {
            return false
        }
        var failure: BlockError?
        var buffer = takeOut(ByteBuffer.replySize(of: request, style))
        let isDone = buffer.writeReply(to: request, style) { data in
            do throws(BlockError) {
                return try device.readNow(at: request.offset, into: data)
            } catch {
                failure = error
                return false
            }
        }
        out = buffer
        if let failure {
            answer(request, NBDErrorNumber(failure, of: .read), failure.cause)
            return true
        }
        if isDone { newBytesRead += request.length }
        return isDone
    }

    /// Takes a piece of the current payload.
    private func take(_ piece: UnsafeRawBufferPointer, isLast: Bool) {
        guard let request = current else { return }
        if let (error, message) = refusal {
            guard isLast else { return }
            (current, refusal) = (nil, nil)
            return answer(request, error, message)
        }
        if currentJob == nil, isLast, isImmediate(request), writeNow(request, piece) {
            current = nil
            return
        }
        let job = currentJob ?? makeSmallJob(request)
        currentJob = job
        guard let payload = job.payload else { return }
        let place = UnsafeMutableRawBufferPointer(rebasing: payload.memory[job.filled...])
        place.copyMemory(from: piece)
        job.filled += piece.count
        if isLast { finishPayload(job) }
    }

    private func makeSmallJob(_ request: NBDRequest) -> NBDJob {
        let count = Int(request.length)
        core.budget.force(count)
        return makePayloadJob(request, count)
    }

    /// Goes on with a request whose payload is whole.
    private func finishPayload(_ job: NBDJob) {
        (current, currentJob) = (nil, nil)
        guard job.request.command == .write else { return limitStatus(job) }
        guard isImmediate(job.request), writeNow(job.request, job.payloadBytes) else {
            return enqueue(job)
        }
        settle(job)
        shared.give(job)
    }

    private func isImmediate(_ request: NBDRequest) -> Bool {
        request.command == .write && request.length <= Self.immediateWrite
            && !request.flags.contains(.fua) && queue?.device.can(.immediateWrites) == true
    }

    /// Writes on the event loop where the device foresees no waiting; answers then.
    private func writeNow(_ request: NBDRequest, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let device = queue?.device else { return false }
        do throws(BlockError) {
            guard try device.writeNow(at: request.offset, from: bytes) else { return false }
            reply(to: request)
        } catch {
            answer(request, NBDErrorNumber(error, of: .write), error.cause)
        }
        newBytesWritten += request.length
        return true
    }

    /// Turns a block status request with a payload into one without.
    private func limitStatus(_ job: NBDJob) {
        let request = job.request
        let payload = try? NBDBlockStatusPayload(decoding: job.payloadBytes)
        settle(job)
        shared.give(job)
        guard let session, let payload, payload.contexts == [NBDSession.context],
            payload.effectLength > 0, request.offset <= session.size,
            payload.effectLength <= session.size - request.offset
        else { return answer(request, .invalid, "the payload names a wrong range or context") }
        var whole = request
        whole.length = payload.effectLength
        enqueueCharged(whole)
    }

    /// Takes the rest of a large payload from the socket into its place, without a detour.
    private func receiveDirectly() {
        guard let socket, let job = currentJob, let memory = job.payload?.memory else { return }
        while let left = stream?.payloadLeft, left >= Self.directRest || job.filled > 0, left > 0 {
            let place = UnsafeMutableRawBufferPointer(
                rebasing: memory[job.filled..<job.filled + left])
            let got = RawIO.receive(socket, into: place)
            // The end of the stream and errors are met again, and told, by the channel.
            guard got > 0 else { return }
            job.filled += got
            stream?.took(got)
        }
        if stream?.payloadLeft == 0 { finishPayload(job) }
    }
}
