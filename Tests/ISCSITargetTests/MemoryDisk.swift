import BlockDevice
import Dispatch
import Glibc
import Synchronization

/// A disk in memory; its reads and writes can be made to wait at a gate.
// The bytes are touched under the mutex alone.
final class MemoryDisk: BlockDevice, @unchecked Sendable {
    let size: UInt64
    let properties: BlockProperties
    private let bytes: UnsafeMutableRawBufferPointer
    /// For each block of 512 bytes 1 where it is stored, else 0.
    private let stored: UnsafeMutableRawBufferPointer
    private let lock = Mutex(())
    private let gate = Mutex<DispatchSemaphore?>(nil)
    /// Signalled when a call has come to the gate.
    private let arrived = DispatchSemaphore(value: 0)

    /// - Parameter isImmediate: whether reads and writes are offered without waiting.
    init(bytes count: Int = 64 << 20, physical: UInt32 = 512, isImmediate: Bool = true) {
        size = UInt64(count)
        stored = .allocate(byteCount: count / 512, alignment: 8)
        stored.initializeMemory(as: UInt8.self, repeating: 0)
        bytes = .allocate(byteCount: count, alignment: 4096)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        var capabilities: BlockCapabilities = [
            .write, .volatileCache, .trim, .trimmedReadsZero, .fastZeroes, .extents,
        ]
        if isImmediate { capabilities.formUnion([.immediateReads, .immediateWrites]) }
        properties = BlockProperties(
            physicalBlockSize: physical, trimGranularity: physical, capabilities: capabilities)
    }

    deinit {
        bytes.deallocate()
        stored.deallocate()
    }

    private func mark(_ blocks: Range<Int>, _ value: UInt8) {
        guard !blocks.isEmpty, let base = stored.baseAddress else { return }
        memset(base + blocks.lowerBound, Int32(value), blocks.count)
    }

    /// Makes calls wait until `open`.
    func close() { gate.withLock { $0 = DispatchSemaphore(value: 0) } }

    /// Waits until one more call has come to the gate; false where none does in a minute.
    func waitForArrival() -> Bool { arrived.wait(timeout: .now() + 60) == .success }

    /// Lets calls go on.
    func open() {
        let old = gate.withLock { gate in
            defer { gate = nil }
            return gate
        }
        old?.signal()
    }

    private func pass() {
        guard let gate = gate.withLock({ $0 }) else { return }
        arrived.signal()
        gate.wait()
        gate.signal()
    }

    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        pass()
        lock.withLock { _ in
            buffer.copyBytes(from: bytes[Int(offset)..<Int(offset) + buffer.count])
        }
    }

    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        guard gate.withLock({ $0 == nil }) else { return false }
        try read(at: offset, into: buffer)
        return true
    }

    func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool {
        guard gate.withLock({ $0 == nil }) else { return false }
        try write(at: offset, from: buffer, options: [])
        return true
    }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        try checkWrite(BlockRange(offset: offset, length: UInt64(buffer.count)))
        pass()
        lock.withLock { _ in
            let end = Int(offset) + buffer.count
            mark(Int(offset) / 512..<(end + 511) / 512, 1)
            UnsafeMutableRawBufferPointer(
                rebasing: bytes[Int(offset)..<Int(offset) + buffer.count]
            ).copyBytes(from: buffer)
        }
    }

    func flush() throws(BlockError) {}
    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try writeZeroes(range, options: options)
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        lock.withLock { _ in
            // Blocks that are wholly within are given back.
            let first = (Int(range.offset) + 511) / 512
            mark(first..<max(first, Int(range.end) / 512), 0)
            _ = UnsafeMutableRawBufferPointer(
                rebasing: bytes[Int(range.offset)..<Int(range.end)]
            ).initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        return lock.withLock { _ in
            var extents: [BlockExtent] = []
            var offset = range.offset
            while offset < range.end, extents.count < limit, let base = stored.baseAddress {
                let first = Int(offset) / 512
                let last = (Int(range.end) + 511) / 512
                let isStored = stored[first] == 1
                let other = memchr(base + first, isStored ? 0 : 1, last - first)
                let next = other.map { base.distance(to: $0) } ?? last
                let end = min(UInt64(next) * 512, range.end)
                extents.append(isStored ? .data(end - offset) : .hole(end - offset))
                offset = end
            }
            return extents
        }
    }

    /// A part of the content.
    func content(_ offset: Int, _ count: Int) -> [UInt8] {
        lock.withLock { _ in Array(bytes[offset..<offset + count]) }
    }

    /// Changes the content.
    func fill(_ offset: Int, _ content: [UInt8]) {
        lock.withLock { _ in
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + content.count])
                .copyBytes(from: content)
        }
    }
}
