import AoEWire
import BlockDevice
import Platform
import Synchronization

/// What a target's threads share.
///
/// Thread-safe: queues and lists are behind locks, figures are atomic.
final class AoECore: Sendable {
    let configuration: AoETargetConfiguration
    let socket: OwnedFD
    let pool: FramePool
    /// Writes and flushes: done in the order of their arrival, by one thread.
    let writes = Condition(AoEQueue())
    /// Reads that must wait: in any order, by several threads.
    let reads = Condition(AoEQueue())
    /// How many threads run.
    let threads = Condition(0)
    let isStopping = Atomic(false)
    /// Running mean of how long a batch of writes takes, in nanoseconds; slow until it is known.
    let writeTime = Atomic<Int64>(1_000_000)
    /// A frame was longer than the interface carries: its MTU has changed.
    let mtuIsStale = Atomic(false)
    let bytesRead = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    let lost = Atomic<UInt64>(0)

    init(_ configuration: AoETargetConfiguration, socket: OwnedFD) {
        self.configuration = configuration
        self.socket = socket
        pool = FramePool(
            frame: configuration.mtu + AoEProtocol.ethernetHeaderSize,
            count: AoELimits.batch + AoELimits.waiting)
    }

    var device: any BlockDevice { configuration.device }

    /// Sectors of the device now.
    var sectors: UInt64 { device.size / UInt64(AoEProtocol.sectorSize) }

    /// Queues work; what there is no room for is lost, as if the link had lost it, and its frame
    /// is free again.
    ///
    /// A message that waits already is not queued twice: one answer serves both.
    func push(_ jobs: [AoEJob], to queue: Condition<AoEQueue>) {
        let refused = queue.change { queue in
            var refused: [Int] = []
            for job in jobs {
                let isThere = queue.jobs.contains { $0.request == job.request }
                if isThere || queue.jobs.count >= AoELimits.waiting {
                    refused.append(job.slot)
                } else {
                    queue.jobs.append(job)
                }
            }
            return refused
        }
        guard !refused.isEmpty else { return }
        lost.wrappingAdd(UInt64(refused.count), ordering: .relaxed)
        for slot in refused where slot >= 0 { pool.give(slot) }
    }

    /// Whether writes may be done by the thread that receives: none waits, and they take no longer
    /// than handing them over and back would.
    ///
    /// Nobody else queues writes, so what is true stays true until that thread goes on.
    var mayWriteAtOnce: Bool {
        guard writeTime.load(ordering: .relaxed) < AoELimits.quickWrites else { return false }
        return writes.change { $0.jobs.isEmpty && !$0.isWorked }
    }

    /// Notes how long a batch of writes took.
    func noteWrites(since began: Int64) {
        let spent = Clock.nanoseconds() - began
        let mean = writeTime.load(ordering: .relaxed)
        writeTime.store(mean + (spent - mean) / 8, ordering: .relaxed)
    }

    /// Runs a body on a thread of its own that is counted.
    func start(_ body: @escaping @Sendable () -> Void) throws(AoETargetError) {
        threads.change { $0 += 1 }
        do {
            try WorkerThread.start { [self] in
                body()
                threads.change { $0 -= 1 }
            }
        } catch {
            threads.change { $0 -= 1 }
            throw .system("\(error)")
        }
    }

    /// Sends one frame.
    func send(_ frame: [UInt8]) {
        var queue = FrameQueue()
        let result = frame.withUnsafeBytes { bytes in
            queue.add(head: bytes, body: UnsafeRawBufferPointer(start: nil, count: 0))
            return queue.send(socket.raw)
        }
        note(result)
    }

    /// Notes how sending went: what is lost the client asks for again.
    func note(_ result: Int) {
        if PacketSocket.isTooLong(result) { mtuIsStale.store(true, ordering: .relaxed) }
    }
}

/// Requests that wait.
struct AoEQueue: Sendable {
    var jobs: [AoEJob]
    /// Of writes: some have been taken and are not done yet.
    var isWorked = false
    /// Nothing more comes: threads end when the queue is empty.
    var isClosed = false

    init() {
        jobs = []
        jobs.reserveCapacity(AoELimits.waiting)
    }
}

/// One of them.
struct AoEJob: Sendable {
    var request: AoERequest
    /// The frame that holds the data of a write; -1 where there is none.
    var slot = -1
}

/// Memory for frames, allocated once.
///
/// Thread-safe: a frame belongs to whoever took it.
final class FramePool: @unchecked Sendable {
    // Never changes; what it points to belongs to the takers.
    private let memory: UnsafeMutableRawBufferPointer
    private let size: Int
    private let free: Mutex<[Int]>

    init(frame: Int, count: Int) {
        size = (frame + 63) & ~63
        memory = .allocate(byteCount: size * count, alignment: 4096)
        free = Mutex(Array((0..<count).reversed()))
    }

    deinit { memory.deallocate() }

    func take() -> Int? { free.withLock { $0.popLast() } }

    func give(_ slot: Int) { free.withLock { $0.append(slot) } }

    subscript(slot: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[slot * size..<(slot + 1) * size])
    }

    /// The data of a write that came in a frame.
    func data(_ slot: Int, of request: AoERequest) -> UnsafeRawBufferPointer {
        let start = AoEHeader.size + ATARegisters.size
        return UnsafeRawBufferPointer(rebasing: self[slot][start..<start + request.length])
    }
}
