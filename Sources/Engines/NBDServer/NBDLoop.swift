import NIOCore

/// What the connections of one event loop share: memory that is used again, and a clock.
///
/// Confined to its event loop's thread, but for `init`.
final class NBDLoop: @unchecked Sendable {
    let loop: any EventLoop
    private(set) var connections: [ObjectIdentifier: NBDConnection] = [:]
    private var jobs: [NBDJob] = []
    private var buffers: [ByteBuffer] = []
    private var bufferBytes = 0
    private var payloads: [AlignedBuffer] = []
    private var payloadBytes = 0
    private var clock: RepeatedTask?

    /// Most jobs and buffers that are kept.
    private static let keptJobs = 1024
    private static let keptBuffers = 64
    /// Most bytes of reply buffers, and of payload memory, that are kept.
    private let keptBytes: Int

    init(_ loop: any EventLoop, keeping limit: Int) {
        self.loop = loop
        keptBytes = min(limit, 32 << 20)
    }

    func add(_ connection: NBDConnection) {
        connections[ObjectIdentifier(connection)] = connection
        guard clock == nil else { return }
        clock = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
            [weak self] _ in
            guard let self else { return }
            for connection in Array(self.connections.values) { connection.tick() }
        }
    }

    func remove(_ connection: NBDConnection) {
        connections[ObjectIdentifier(connection)] = nil
        guard connections.isEmpty else { return }
        clock?.cancel()
        clock = nil
        (buffers, bufferBytes, payloads, payloadBytes) = ([], 0, [], 0)
    }

    func takeJob() -> NBDJob { jobs.popLast() ?? NBDJob() }

    func give(_ job: NBDJob) {
        if let payload = job.payload { give(payload) }
        job.reset()
        if jobs.count < Self.keptJobs { jobs.append(job) }
    }

    /// An empty buffer that nobody else holds, with room for `count` bytes.
    func takeBuffer(_ count: Int) -> ByteBuffer {
        for index in buffers.indices.reversed() {
            guard buffers[index].capacity >= count else { continue }
            let isFree: Void? = buffers[index].modifyIfUniquelyOwned { $0.clear() }
            guard isFree != nil else { continue }
            buffers.swapAt(index, buffers.count - 1)
            bufferBytes -= buffers[buffers.count - 1].capacity
            return buffers.removeLast()
        }
        return ByteBufferAllocator().buffer(capacity: count)
    }

    /// Keeps a buffer for later, though the channel may still be sending it.
    func give(_ buffer: ByteBuffer) {
        guard buffer.capacity <= keptBytes / 4 else { return }
        while buffers.count >= Self.keptBuffers || bufferBytes + buffer.capacity > keptBytes {
            bufferBytes -= buffers.removeFirst().capacity
        }
        bufferBytes += buffer.capacity
        buffers.append(buffer)
    }

    func takePayload(_ count: Int) -> AlignedBuffer {
        for index in payloads.indices.reversed() {
            let size = payloads[index].memory.count
            guard size >= count, size <= max(4 * count, 65_536) else { continue }
            payloads.swapAt(index, payloads.count - 1)
            payloadBytes -= size
            return payloads.removeLast()
        }
        return AlignedBuffer(count)
    }

    private func give(_ payload: AlignedBuffer) {
        guard payloadBytes + payload.memory.count <= keptBytes else { return }
        payloadBytes += payload.memory.count
        payloads.append(payload)
    }
}
