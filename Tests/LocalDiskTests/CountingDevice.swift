import BlockDevice
import BlockDevices
import Synchronization

/// A device in memory that counts what it is asked.
final class CountingDevice: BlockDevice {
    let below: MemoryDevice
    let flushes = Atomic(0)
    let failsFlush = Atomic(false)

    init(size: UInt64) { below = MemoryDevice(size: size) }

    var size: UInt64 { below.size }
    var properties: BlockProperties { below.properties }

    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) { try below.read(at: offset, into: buffer) }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) { try below.write(at: offset, from: buffer, options: options) }

    func flush() throws(BlockError) {
        flushes.add(1, ordering: .relaxed)
        if failsFlush.load(ordering: .relaxed) { throw .gone("for the test") }
        try below.flush()
    }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try below.trim(range, options: options)
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try below.writeZeroes(range, options: options)
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try below.extents(in: range, limit: limit)
    }

    /// What is stored in a range.
    func bytes(at offset: UInt64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        try bytes.withUnsafeMutableBytes { try below.read(at: offset, into: $0) }
        return bytes
    }

    func fill(at offset: UInt64, _ count: Int, with byte: UInt8) throws {
        let bytes = [UInt8](repeating: byte, count: count)
        try bytes.withUnsafeBytes { try below.write(at: offset, from: $0, options: []) }
    }
}
