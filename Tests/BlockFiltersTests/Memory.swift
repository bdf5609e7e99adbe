import BlockDevice
import BlockDevices
import Bytes

/// Devices in memory for tests.
enum Memory {
    static func losingPower(_ size: UInt64) -> MemoryDevice {
        var options = MemoryDevice.Options()
        options.losesPower = true
        return MemoryDevice(size: size, options: options)
    }

    /// A device in which no two sectors are alike.
    static func filled(_ size: UInt64) throws -> MemoryDevice {
        let device = MemoryDevice(size: size)
        var random = SeededGenerator(seed: size)
        var offset: UInt64 = 0
        while offset < size {
            let count = Int(min(65_536, size - offset))
            var content: [UInt8] = []
            content.reserveCapacity(count + 8)
            while content.count < count {
                withUnsafeBytes(of: random.next()) { content.append(contentsOf: $0) }
            }
            try write(device, offset, Array(content[..<count]))
            offset += UInt64(count)
        }
        return device
    }

    static func write(
        _ device: any BlockDevice, _ offset: UInt64, _ bytes: [UInt8],
        _ options: BlockWriteOptions = []
    ) throws {
        try bytes.withUnsafeBytes { try device.write(at: offset, from: $0, options: options) }
    }

    static func read(_ device: any BlockDevice, _ offset: UInt64, _ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xa5, count: count)
        try bytes.withUnsafeMutableBytes { try device.read(at: offset, into: $0) }
        return bytes
    }
}

/// A device that takes its time, so that calls really overlap, and reads nothing at once.
final class Slow: BlockDevice {
    let base: any BlockDevice

    init(_ base: any BlockDevice) { self.base = base }

    var size: UInt64 { base.size }
    var properties: BlockProperties {
        var properties = base.properties
        properties.capabilities.subtract([.immediateReads, .immediateWrites])
        return properties
    }

    /// Work that takes some microseconds.
    private func dawdle() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<200 where random.next() == 0 { return }
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockError) {
        try base.read(at: offset, into: buffer)
        dawdle()
    }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        dawdle()
        try base.write(at: offset, from: buffer, options: options)
        dawdle()
    }

    func flush() throws(BlockError) { try base.flush() }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try base.trim(range, options: options)
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try base.writeZeroes(range, options: options)
        dawdle()
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try base.extents(in: range, limit: limit)
    }

    func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { base.observeSize(observer) }
}
