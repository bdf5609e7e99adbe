import BlockDevice
import Dispatch
import Synchronization

/// A disk in memory; its reads and writes can be made to wait at a gate.
// The bytes are touched under the mutex alone.
final class MemoryDisk: BlockDevice, @unchecked Sendable {
    let size: UInt64
    let properties: BlockProperties
    private let bytes: UnsafeMutableRawBufferPointer
    private let lock = Mutex(())
    private let gate = Mutex<DispatchSemaphore?>(nil)
    /// Signalled when a call has come to the gate.
    let arrived = DispatchSemaphore(value: 0)

    /// - Parameter isImmediate: whether reads and writes are offered without waiting.
    init(bytes count: Int = 64 << 20, isImmediate: Bool = true) {
        size = UInt64(count)
        bytes = .allocate(byteCount: count, alignment: 4096)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        var capabilities: BlockCapabilities = [
            .write, .volatileCache, .trim, .trimmedReadsZero, .fastZeroes,
        ]
        if isImmediate { capabilities.formUnion([.immediateReads, .immediateWrites]) }
        properties = BlockProperties(
            physicalBlockSize: 512, trimGranularity: 512, capabilities: capabilities)
    }

    deinit { bytes.deallocate() }

    /// Makes calls wait until `open`.
    func close() { gate.withLock { $0 = DispatchSemaphore(value: 0) } }

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

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        try checkWrite(BlockRange(offset: offset, length: UInt64(buffer.count)))
        pass()
        lock.withLock { _ in
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
            _ = UnsafeMutableRawBufferPointer(
                rebasing: bytes[Int(range.offset)..<Int(range.end)]
            ).initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        return [.data(range.length)]
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
