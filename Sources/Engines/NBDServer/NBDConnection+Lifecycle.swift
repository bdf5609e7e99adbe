import NBDWire
import NIOCore
import Platform
import Synchronization

extension NBDConnection {
    /// How long a client in the handshake is waited for when the server goes away, in seconds: to
    /// be told so, which it is when it asks for something.
    private static let handshakeDrainSeconds = 3

    /// Goes on where there is room again.
    func resume() {
        leaveQueueIfAlone()
        guard isPaused, !isEnding else { return }
        guard handshake == nil else {
            guard isWritable else { return }
            return readAgain()
        }
        guard !isFull else { return }
        isPaused = false
        if let held = pending {
            pending = nil
            process(held)
            finishBatch()
        }
        if !isPaused, !isEnding { readAgain() }
    }

    private func readAgain() {
        isPaused = false
        guard isReadHeld else { return }
        isReadHeld = false
        context?.read()
    }

    /// Lets everything in work be answered, and closes then; takes nothing more.
    func endWhenAnswered() {
        isEnding = true
        handshake = nil
        closeWhenAnswered()
    }

    /// Closes an ending connection once nothing is in work and everything is sent.
    func closeWhenAnswered() {
        guard isEnding, requestsInWork == 0, let context, context.channel.isActive else { return }
        sendOut()
        let empty = wrapOutboundOut(ByteBuffer())
        context.writeAndFlush(empty).whenComplete { _ in self.close() }
    }

    /// Closes at once.
    func close() {
        isEnding = true
        context?.close(promise: nil)
    }

    /// The server goes away: what is in work is answered, then the connection closes; until then
    /// new requests, and options of a client in the handshake, are refused.
    ///
    /// A client that is silent in the handshake is closed by `tick`.
    func drain() {
        guard handshake == nil, requestsInWork == 0, stream?.isMidRequest == false else { return }
        endWhenAnswered()
    }

    /// Called once a second: ends what takes too long.
    func tick() {
        let limits = core.configuration.limits
        guard handshake == nil else {
            age += 1
            if core.isDraining.load(ordering: .relaxed) { drainAge += 1 }
            if age >= limits.handshakeSeconds || drainAge >= Self.handshakeDrainSeconds { close() }
            return
        }
        queue?.check()
        // A worker that is stuck has perhaps not told of what it did before.
        answerFinished()
        let buffered = isWritable ? 0 : bufferedBytes
        let waitsForClient = stream?.isMidRequest == true && !isPaused || !isWritable || isEnding
        let hasMoved = hasMoved || buffered != lastBuffered
        (self.hasMoved, lastBuffered) = (false, buffered)
        stalled = waitsForClient && !hasMoved && requestsInWork == 0 ? stalled + 1 : 0
        let isShort = stalled > 0 && core.budget.isShort
        let patience = isShort ? limits.shortStallSeconds : limits.stallSeconds
        if stalled >= min(patience, limits.stallSeconds) { close() }
    }

    /// Bytes that the channel holds.
    var bufferedBytes: Int {
        let options = context?.channel.syncOptions
        return (try? options?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
