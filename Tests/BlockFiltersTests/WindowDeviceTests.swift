import BlockDevice
import BlockDevices
import BlockFilters
import Platform
import Testing

@Suite struct WindowDeviceTests {
    @Test func `nothing outside of a window is touched`() throws {
        let base = try Memory.filled(1 << 20)
        let before = try Memory.read(base, 0, 1 << 20)
        let window = try WindowDevice(base, offset: 100_000, length: 50_000)
        try window.writeZeroes(BlockRange(offset: 0, length: 50_000), options: .mayTrim)
        let after = try Memory.read(base, 0, 1 << 20)
        #expect(after[..<100_000] == before[..<100_000])
        #expect(after[150_000...] == before[150_000...])
        #expect(after[100_000..<150_000].allSatisfy { $0 == 0 })
    }

    @Test func `a window that does not fit is refused`() throws {
        let base = MemoryDevice(size: 1 << 20)
        for (offset, length) in [(1 << 20, 1), (0, (1 << 20) + 1), (UInt64.max, 2)]
            as [(UInt64, UInt64)]
        {
            #expect(throws: BlockError.self) {
                try WindowDevice(base, offset: offset, length: length)
            }
        }
    }

    @Test(
        arguments: [
            (0, 4096, 4096), (4096, 4096, 4096), (2048, 512, 2048), (512 * 63, 512, 512),
            (100, 512, 512),
        ] as [(UInt64, UInt32, UInt32)])
    func `alignment is told as it is in the window`(
        offset: UInt64, logical: UInt32, physical: UInt32
    ) throws {
        var options = MemoryDevice.Options()
        options.logicalBlockSize = 4096
        let base = MemoryDevice(size: 1 << 20, options: options)
        let window = try WindowDevice(base, offset: offset)
        #expect(window.properties.logicalBlockSize == logical)
        #expect(window.properties.physicalBlockSize == physical)
    }

    @Test func `errors tell places in the window`() throws {
        let bad = BlockRange(offset: 9000, length: 10)
        let error = SystemError(errno: 5, call: "test")
        let base = FaultDevice(
            MemoryDevice(size: 1 << 20),
            rules: [FaultRule(.read, in: nil, .every, .fail(.medium(bad, error)))], seed: 0)
        let window = try WindowDevice(base, offset: 8000)
        #expect(throws: BlockError.medium(BlockRange(offset: 1000, length: 10), error)) {
            try Memory.read(window, 1000, 10)
        }
        let small = MemoryDevice(size: 10_000)
        let part = try WindowDevice(small, offset: 8000, length: 2000)
        small.resize(to: 9000)
        #expect(part.size == 1000)
        #expect(
            throws: BlockError.outOfRange(BlockRange(offset: 900, length: 200), size: 1000)
        ) { try Memory.read(part, 900, 200) }
    }
}
