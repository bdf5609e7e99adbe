import BlockDevice
import BlockDeviceSuite
import BlockDevices
import BlockFilters
import Platform
import Synchronization
import Testing

/// The one suite on every filter.
@Suite struct ConformanceTests {
    private static let readOnly = "a device without the right to write refuses changes"
    private static let size = "a change of size is told and obeyed"

    /// A device that loses power, with a filter over it.
    private func subject(
        _ name: String, resizes: Bool = true,
        over filter: @escaping @Sendable (MemoryDevice) throws -> any BlockDevice
    ) -> SuiteSubject {
        SuiteSubject(name) { size in
            let base = Memory.losingPower(size)
            let device = try filter(base)
            let crash: @Sendable () throws -> any BlockDevice = {
                var generator = SystemRandomNumberGenerator()
                base.crash(using: &generator)
                return try filter(base)
            }
            let grow: @Sendable (UInt64) throws -> Void = { base.resize(to: $0) }
            return SuiteDevice(device, crash: crash, resize: resizes ? grow : nil)
        }
    }

    @Test(arguments: [0, 512, 4096 * 3, 65_536 + 7] as [UInt64])
    func `a window passes the suite`(start: UInt64) throws {
        let subject = SuiteSubject("a window at \(start)") { size in
            let base = Memory.losingPower(start + size + 5000)
            let device = try WindowDevice(base, offset: start, length: size)
            return SuiteDevice(
                device,
                crash: {
                    base.crash()
                    return device
                })
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly, Self.size])
    }

    @Test func `a window to the end passes the suite`() throws {
        let subject = SuiteSubject("a window to the end") { size in
            let base = Memory.losingPower(size + 8192)
            let device = try WindowDevice(base, offset: 8192)
            return SuiteDevice(device, resize: { base.resize(to: 8192 + $0) })
        }
        #expect(try BlockDeviceSuite.run(subject).count == 3)
    }

    @Test func `a read-only device passes the suite`() throws {
        let subject = SuiteSubject("read-only") { size in
            let base = MemoryDevice(size: size)
            try Memory.write(base, 5000, [UInt8](repeating: 8, count: 200_000))
            return SuiteDevice(ReadOnlyDevice(base), resize: { base.resize(to: $0) })
        }
        #expect(try BlockDeviceSuite.run(subject).count == 8)
    }

    @Test(arguments: [4 << 10, 64 << 10, 512 << 10])
    func `a cache passes the suite`(capacity: Int) throws {
        let subject = subject("a cache of \(capacity) bytes") { base in
            CacheDevice(base, options: .init(capacity: capacity, blockSize: 4096))
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly])
    }

    @Test func `a cache over a slow device passes the suite`() throws {
        // Nothing is immediate below, and what is read takes time to come back.
        let subject = subject("a cache over a slow device") { base in
            CacheDevice(Slow(base), options: .init(capacity: 256 << 10, blockSize: 16_384))
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly])
    }

    @Test func `a rate limit passes the suite`() throws {
        let subject = subject("a rate limit") { base in
            RateLimitedDevice(
                base, limits: .init(bytesPerSecond: 4 << 30, requestsPerSecond: 1_000_000))
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly])
    }

    @Test func `a device on which nothing goes wrong passes the suite`() throws {
        let subject = subject("faults") { base in
            FaultDevice(
                base, rules: [FaultRule(.changes, .perMillion(1000), .delay(milliseconds: 1))],
                seed: 1)
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly])
    }

    @Test func `a recorder passes the suite`() throws {
        let subject = subject("a recorder") { base in
            try RecordingDevice(
                base, log: try MemoryFile.make(named: "log", content: [], size: 0))
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly])
    }

    @Test(arguments: [false, true])
    func `an overlay passes the suite, crashes of its store included`(inPart: Bool) throws {
        let subject = SuiteSubject("an overlay") { size in
            let base = try Memory.filled(size)
            let store = Memory.losingPower(try OverlayDevice.storeSize(for: size))
            let device = try OverlayDevice(over: ReadOnlyDevice(base), in: store)
            let crash: @Sendable () throws -> any BlockDevice = {
                var generator = SystemRandomNumberGenerator()
                if inPart { store.crash(using: &generator) } else { store.crash() }
                return try OverlayDevice(over: ReadOnlyDevice(base), in: store)
            }
            return SuiteDevice(device, crash: crash)
        }
        for _ in 0..<2 {
            #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly, Self.size])
        }
    }

    @Test func `an overlay in a sparse file passes the suite`() throws {
        let subject = SuiteSubject("an overlay in a file", mayTearReads: true) { size in
            let file = try MemoryFile.make(
                named: "overlay", content: [], size: try OverlayDevice.storeSize(for: size))
            let store = try FileDevice(file, options: .init(isWritable: true))
            return SuiteDevice(try OverlayDevice(over: try Memory.filled(size), in: store))
        }
        #expect(try BlockDeviceSuite.run(subject).count == 4)
    }

    @Test func `a stack of everything passes the suite`() throws {
        let subject = SuiteSubject("everything") { size in
            let base = try Memory.filled(size + 4096)
            let store = Memory.losingPower(try OverlayDevice.storeSize(for: size))
            let make: @Sendable () throws -> any BlockDevice = {
                let window = try WindowDevice(ReadOnlyDevice(base), offset: 4096)
                let overlay = try OverlayDevice(
                    over: CacheDevice(window, options: .init(capacity: 64 << 10)), in: store)
                let limited = RateLimitedDevice(overlay, limits: .init(bytesPerSecond: 8 << 30))
                return CacheDevice(limited, options: .init(capacity: 128 << 10))
            }
            let crash: @Sendable () throws -> any BlockDevice = {
                store.crash()
                return try make()
            }
            return SuiteDevice(try make(), crash: crash)
        }
        #expect(try BlockDeviceSuite.run(subject) == [Self.readOnly, Self.size])
    }
}
