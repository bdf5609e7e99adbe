import BlockDevice
import BlockDevices
import Testing

@Suite struct MemoryDeviceTests {
    private func write(
        _ device: MemoryDevice, _ offset: UInt64, _ count: Int, _ options: BlockWriteOptions = []
    ) throws {
        try [UInt8](repeating: 9, count: count).withUnsafeBytes {
            try device.write(at: offset, from: $0, options: options)
        }
    }

    @Test func `memory is bounded, and zeros give it back`() throws {
        let limit = 8 * MemoryDevice.pageSize
        let device = MemoryDevice(size: 1 << 50, options: .init(memoryLimit: limit))
        for page in 0..<8 {
            try write(device, UInt64(page) << 40, 100)
        }
        #expect(device.memoryInUse == limit)
        #expect(throws: BlockError.noSpace(BlockRange(offset: 1 << 49, length: 100))) {
            try write(device, 1 << 49, 100)
        }
        try device.writeZeroes(BlockRange(offset: 0, length: 1 << 50), options: [])
        #expect(device.memoryInUse == 0)
        try write(device, 1 << 49, 100)
    }

    @Test func `very large devices answer at once`() throws {
        let device = MemoryDevice(size: MemoryDevice.sizeLimit)
        try write(device, MemoryDevice.sizeLimit - 5, 5)
        let all = BlockRange(offset: 0, length: MemoryDevice.sizeLimit)
        let page = UInt64(MemoryDevice.pageSize)
        #expect(
            try device.extents(in: all, limit: 10) == [
                .hole(MemoryDevice.sizeLimit - page), .data(page),
            ])
        try device.trim(all, options: .forceUnitAccess)
        #expect(try device.extents(in: all, limit: 10) == [.hole(MemoryDevice.sizeLimit)])
    }

    @Test func `a hole that was written and lost is a hole again`() throws {
        var options = MemoryDevice.Options()
        options.losesPower = true
        let device = MemoryDevice(size: 1 << 20, options: options)
        try write(device, 0, 100_000)
        device.crash()
        #expect(device.memoryInUse == 0)
        try write(device, 0, 100_000, .forceUnitAccess)
        device.crash()
        #expect(device.memoryInUse == 2 * MemoryDevice.pageSize)
    }
}
