import BlockDevice
import BlockDevices
import BlockFilters
import Testing

@Suite struct CacheDeviceTests {
    private func cache(_ base: any BlockDevice, blocks: Int) -> CacheDevice {
        CacheDevice(base, options: .init(capacity: blocks * 4096, blockSize: 4096))
    }

    @Test func `what was read is not read again`() throws {
        let base = FaultDevice(try Memory.filled(1 << 20), seed: 0)
        let cache = cache(base, blocks: 64)
        let wanted = try Memory.read(cache, 10_000, 50_000)
        base.setRules([FaultRule(.read, .every, .fail(.gone("unplugged")))])
        #expect(try Memory.read(cache, 10_000, 50_000) == wanted)
        var bytes = [UInt8](repeating: 0, count: 50_000)
        let isThere = try bytes.withUnsafeMutableBytes { try cache.readNow(at: 10_000, into: $0) }
        #expect(isThere && bytes == wanted)
        #expect(throws: BlockError.gone("unplugged")) { try Memory.read(cache, 500_000, 1) }
        // 13 blocks were read once and found twice.
        #expect(cache.counts.hits == 26)
        #expect(cache.counts.misses == 13)
    }

    @Test func `a write is in the cache, and a failed one is not`() throws {
        let base = FaultDevice(try Memory.filled(1 << 20), seed: 0)
        let cache = cache(base, blocks: 64)
        _ = try Memory.read(cache, 0, 65_536)
        try Memory.write(cache, 5000, [1, 2, 3])
        base.setRules([FaultRule(.read, .every, .fail(.gone("unplugged")))])
        #expect(try Memory.read(cache, 5000, 3) == [1, 2, 3])
        base.setRules([FaultRule(.write, .every, .tear(bytes: 1, .gone("torn")))])
        #expect(throws: BlockError.gone("torn")) { try Memory.write(cache, 5000, [7, 8, 9]) }
        // What is on the device counts, whatever the cache thought.
        #expect(try Memory.read(cache, 5000, 3) == [7, 2, 3])
    }

    @Test func `the cache is bounded, and keeps what is used`() throws {
        let base = try Memory.filled(1 << 20)
        let cache = cache(base, blocks: 8)
        for round in 0..<20 {
            _ = try Memory.read(cache, 0, 100)
            _ = try Memory.read(cache, UInt64(1 + round * 3) * 4096, 3 * 4096)
        }
        // The first block was found each time but the first.
        #expect(cache.counts.hits >= 15)
        #expect(cache.counts.misses >= 20)
    }
}
