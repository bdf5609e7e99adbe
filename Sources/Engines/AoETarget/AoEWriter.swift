import AoEWire
import BlockDevice
import Platform
import Synchronization

/// Changes the disk: in the order of arrival, so that a write that comes twice never undoes a later
/// one.
///
/// What came together is done together: neighbours by one call, and one flush for all. One of these
/// is a thread's, another the receiving thread's own, for what takes no time.
struct AoEWriter: ~Copyable {
    private let core: AoECore
    private var jobs: [AoEJob] = []
    private var results: [ATARegisters] = []
    private var requests: [AoERequest] = []
    private var replies: AoEReplies
    private let staging: UnsafeMutableRawBufferPointer

    init(_ core: AoECore) {
        self.core = core
        replies = AoEReplies(core)
        staging = .allocate(byteCount: AoELimits.merged, alignment: 4096)
        jobs.reserveCapacity(AoELimits.waiting)
        results.reserveCapacity(AoELimits.waiting)
        requests.reserveCapacity(AoELimits.waiting)
    }

    deinit { staging.deallocate() }

    /// Works until the queue is closed and empty.
    mutating func run() {
        while take() {
            if !jobs.isEmpty { perform() }
        }
    }

    /// Does these at once, a part after the other, and empties the list.
    mutating func perform(_ given: inout [AoEJob]) {
        var first = 0
        while first < given.count {
            var bytes = 0
            jobs.removeAll(keepingCapacity: true)
            while first < given.count, bytes < AoELimits.answered {
                jobs.append(given[first])
                bytes += given[first].request.length
                first += 1
            }
            perform()
        }
        jobs.removeAll(keepingCapacity: true)
        given.removeAll(keepingCapacity: true)
    }

    private mutating func perform() {
        let began = Clock.nanoseconds()
        work()
        core.noteWrites(since: began)
        reply()
    }

    /// Takes everything that waits; false at the end.
    private mutating func take() -> Bool {
        var mine: [AoEJob] = []
        swap(&mine, &jobs)
        mine.removeAll(keepingCapacity: true)
        let isOpen: Bool? = core.writes.wait(milliseconds: 60_000) { queue in
            queue.isWorked = !queue.jobs.isEmpty
            guard queue.jobs.isEmpty else {
                swap(&queue.jobs, &mine)
                return true
            }
            return queue.isClosed ? false : nil
        }
        swap(&mine, &jobs)
        return isOpen ?? true
    }

    private mutating func work() {
        results.removeAll(keepingCapacity: true)
        requests.removeAll(keepingCapacity: true)
        for job in jobs {
            requests.append(job.request)
            results.append(job.request.registers.done())
        }
        var mustFlush = false
        var first = 0
        while first < jobs.count {
            guard jobs[first].slot >= 0 else {
                mustFlush = true
                first += 1
                continue
            }
            let end = requests.endOfRun(from: first, limit: AoELimits.merged)
            writeRun(first..<end)
            if case .write(isForced: true) = requests[first].work { mustFlush = true }
            first = end
        }
        if core.configuration.cache == .writeThrough {
            mustFlush = mustFlush || jobs.contains { $0.slot >= 0 }
        }
        if mustFlush { flush() }
    }

    private mutating func writeRun(_ run: Range<Int>) {
        if run.count > 1, writeTogether(run) { return }
        for place in run {
            let request = requests[place]
            let data = core.pool.data(jobs[place].slot, of: request)
            do throws(BlockError) {
                try core.device.write(at: request.offset, from: data, options: [])
                core.bytesWritten.wrappingAdd(UInt64(data.count), ordering: .relaxed)
            } catch { results[place] = request.failed(error) }
        }
    }

    /// Writes neighbours by one call; false where that fails, and each is to be tried alone.
    private func writeTogether(_ run: Range<Int>) -> Bool {
        var length = 0
        for place in run {
            let data = core.pool.data(jobs[place].slot, of: requests[place])
            let room = UnsafeMutableRawBufferPointer(
                rebasing: staging[length..<length + data.count])
            room.copyMemory(from: data)
            length += data.count
        }
        let all = UnsafeRawBufferPointer(rebasing: staging[..<length])
        let offset = requests[run.lowerBound].offset
        guard (try? core.device.write(at: offset, from: all, options: [])) != nil else {
            return false
        }
        core.bytesWritten.wrappingAdd(UInt64(length), ordering: .relaxed)
        return true
    }

    /// Makes everything durable; where that fails, whoever was to be told so is told the error.
    private mutating func flush() {
        do throws(BlockError) { try core.device.flush() } catch {
            for place in jobs.indices where isDurable(place) {
                if results[place].command == ATAStatus.ready.rawValue {
                    results[place] = requests[place].failed(error)
                }
            }
        }
    }

    /// Whether an answer says that something is durable.
    private func isDurable(_ place: Int) -> Bool {
        guard case .write(let isForced) = requests[place].work else { return true }
        return isForced || core.configuration.cache == .writeThrough
    }

    private mutating func reply() {
        for place in jobs.indices { replies.add(requests[place], results[place]) }
        replies.send()
        for job in jobs where job.slot >= 0 { core.pool.give(job.slot) }
    }
}
