import BlockDevice
import BlockDevices
import BlockFilters
import Platform
import Testing

@Suite struct FaultAndRateTests {
    @Test func `the wanted call fails, and no other`() throws {
        let base = MemoryDevice(size: 1 << 20)
        let error = BlockError.medium(
            BlockRange(offset: 0, length: 1), SystemError(errno: 5, call: "test"))
        let device = FaultDevice(
            base, rules: [FaultRule(.write, .only(3), .fail(error))], seed: 0)
        for number in 1...5 {
            if number == 3 {
                #expect(throws: error) { try Memory.write(device, 0, [1]) }
            } else {
                try Memory.write(device, 0, [1])
            }
        }
        #expect(device.faults == 1)
    }

    @Test func `a bad place fails however it is touched`() throws {
        let range = BlockRange(offset: 4096, length: 512)
        let device = FaultDevice(
            try Memory.filled(1 << 20),
            rules: [FaultRule(.all, in: range, .every, .fail(.readOnly))],
            seed: 0)
        for (offset, count, fails) in [
            (0, 4096, false), (0, 4097, true), (4607, 1, true), (4608, 100, false),
        ] as [(UInt64, Int, Bool)] {
            let isBad = (try? Memory.read(device, offset, count)) == nil
            #expect(isBad == fails, "\(offset)+\(count)")
        }
        #expect(throws: BlockError.readOnly) {
            try device.trim(BlockRange(offset: 0, length: 1 << 20), options: [])
        }
        #expect(throws: BlockError.self) {
            var bytes = [UInt8](repeating: 0, count: 8)
            _ = try bytes.withUnsafeMutableBytes { try device.read(at: 4096, into: $0) }
        }
    }

    @Test func `the same seed gives the same faults`() throws {
        func faults(_ seed: UInt64) throws -> [Int] {
            let device = FaultDevice(
                MemoryDevice(size: 4096),
                rules: [FaultRule(.read, .perMillion(200_000), .fail(.gone("by chance")))],
                seed: seed)
            return (0..<200).filter { _ in (try? Memory.read(device, 0, 1)) == nil }
        }
        #expect(try faults(7) == faults(7))
        #expect(try faults(7) != faults(8))
        #expect(try (20...60).contains(faults(7).count))
    }

    @Test func `a hang ends when it is let go, or when its time is up`() throws {
        let device = FaultDevice(
            MemoryDevice(size: 4096), rules: [FaultRule(.flush, .every, .hang(milliseconds: 50))],
            seed: 0)
        let start = Clock.milliseconds()
        #expect(throws: BlockError.gone("the device hung too long")) { try device.flush() }
        #expect((50..<60_000).contains(Clock.milliseconds() - start))
        device.setRules([FaultRule(.flush, .every, .hang(milliseconds: 60_000))])
        let result = Condition<BlockError?>(nil)
        try WorkerThread.start {
            do throws(BlockError) { try device.flush() } catch { result.change { $0 = error } }
        }
        // It may have been counted, and not hang yet: let go until it has returned. By itself it
        // would return after 60 s, with other words.
        var error: BlockError?
        for _ in 0..<2000 where error == nil {
            if device.faults == 2 { device.release() }
            error = result.wait(milliseconds: 50) { $0 }
        }
        #expect(error == .gone("the device hung and was let go"))
    }

    @Test func `a bucket gives its rate, after its burst`() {
        var bucket = TokenBucket(perSecond: 1000, capacity: 500, now: 0)
        #expect(bucket.take(500, now: 0) == 0)
        #expect(bucket.take(100, now: 0) == 0)
        #expect(bucket.take(100, now: 0) == 100_000_000)
        #expect(bucket.take(100, now: 0) == 200_000_000)
        let early = bucket.isOpen(now: 300_000_000)
        let later = bucket.isOpen(now: 301_000_000)
        #expect(!early && later)
        // A long pause fills it no further than its capacity.
        #expect(bucket.take(501, now: 1_000_000_000_000) == 0)
        #expect(bucket.take(1, now: 1_000_000_000_000) == 1_000_000)
        // Time that goes back gives nothing.
        #expect(bucket.take(1, now: 0) == 2_000_000)
    }

    @Test func `a limited device takes its time`() throws {
        let device = RateLimitedDevice(
            MemoryDevice(size: 1 << 20),
            limits: .init(bytesPerSecond: 1 << 20, burstMilliseconds: 10))
        let start = Clock.milliseconds()
        for _ in 0..<6 { _ = try Memory.read(device, 0, 65_536) }
        // Five times 62.5 ms, less the burst.
        #expect((290..<60_000).contains(Clock.milliseconds() - start))
        var bytes = [UInt8](repeating: 0, count: 512)
        let isThere = try bytes.withUnsafeMutableBytes { try device.readNow(at: 0, into: $0) }
        #expect(!isThere)
    }
}
