import AoEWire
import BlockDevice
import Platform
import Synchronization

/// A thread for reads that must wait: it takes neighbours together.
struct AoEReader: ~Copyable {
    private let core: AoECore
    private var run: [AoERequest] = []
    private var replies: AoEReplies
    private let memory: UnsafeMutableRawBufferPointer

    /// Bytes read by one call: 256 sectors, the most that one command names.
    private static let room = 256 * AoEProtocol.sectorSize

    init(_ core: AoECore) {
        self.core = core
        replies = AoEReplies(core)
        memory = .allocate(byteCount: Self.room, alignment: 4096)
        run.reserveCapacity(AoELimits.waiting)
    }

    deinit { memory.deallocate() }

    /// Works until the queue is closed and empty.
    mutating func work() {
        while take() {
            guard let first = run.first else { continue }
            let length = run.reduce(0) { $0 + $1.length }
            if run.count == 1 || !read(at: first.offset, length) { readEach() }
            replies.send()
        }
    }

    /// Takes the oldest request and those that follow it on the disk; false at the end.
    private mutating func take() -> Bool {
        var mine: [AoERequest] = []
        swap(&mine, &run)
        mine.removeAll(keepingCapacity: true)
        let isOpen: Bool? = core.reads.wait(milliseconds: 60_000) { queue in
            guard let oldest = queue.jobs.first else { return queue.isClosed ? false : nil }
            var bytes = oldest.request.length
            mine.append(oldest.request)
            for job in queue.jobs.dropFirst() {
                guard mine[mine.count - 1].isFollowed(by: job.request),
                    oldest.request.work == .read, bytes + job.request.length <= Self.room
                else { break }
                bytes += job.request.length
                mine.append(job.request)
            }
            queue.jobs.removeFirst(mine.count)
            return true
        }
        swap(&mine, &run)
        return isOpen ?? true
    }

    /// Reads all of a run by one call; false where that fails.
    private mutating func read(at offset: UInt64, _ length: Int) -> Bool {
        let all = UnsafeMutableRawBufferPointer(rebasing: memory[..<length])
        guard (try? core.device.read(at: offset, into: all)) != nil else { return false }
        var place = 0
        for request in run {
            let body = memory[place..<place + request.length]
            replies.add(
                request, request.registers.done(), body: UnsafeRawBufferPointer(rebasing: body))
            place += request.length
        }
        core.bytesRead.wrappingAdd(UInt64(length), ordering: .relaxed)
        return true
    }

    private mutating func readEach() {
        for request in run {
            let body = UnsafeMutableRawBufferPointer(rebasing: memory[..<request.length])
            do throws(BlockError) {
                try core.device.read(at: request.offset, into: body)
                let data = request.work == .read ? UnsafeRawBufferPointer(body) : nil
                replies.add(request, request.registers.done(), body: data)
                core.bytesRead.wrappingAdd(UInt64(data?.count ?? 0), ordering: .relaxed)
            } catch { replies.add(request, request.failed(error)) }
            // The memory is used again.
            replies.send()
        }
    }
}
