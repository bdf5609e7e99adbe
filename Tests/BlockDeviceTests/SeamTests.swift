import BlockDevice
import Dispatch
import Platform
import Synchronization
import Testing

@Suite struct SeamTests {
    /// A device with nothing but bytes: what a device has from the protocol alone.
    private final class Plain: BlockDevice {
        let size: UInt64
        let properties: BlockProperties
        let bytes: Mutex<[UInt8]>
        let longest = Mutex(0)

        init(_ count: Int, _ capabilities: BlockCapabilities = .write) {
            size = UInt64(count)
            properties = BlockProperties(capabilities: capabilities)
            bytes = Mutex([UInt8](repeating: 9, count: count))
        }

        func read(
            at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
        ) throws(BlockError) {
            try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        }

        func write(
            at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
        ) throws(BlockError) {
            try checkWrite(BlockRange(offset: offset, length: UInt64(buffer.count)))
            let content = Array(buffer)
            longest.withLock { $0 = max($0, content.count) }
            bytes.withLock {
                $0.replaceSubrange(Int(offset)..<Int(offset) + content.count, with: content)
            }
        }

        func flush() throws(BlockError) {}

        func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {}

        func writeZeroes(
            _ range: BlockRange, options: BlockWriteOptions
        ) throws(BlockError) { try writeZeroesAsData(range, options: options) }

        func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
            [.data(range.length)]
        }
    }

    @Test(
        arguments: [
            (0, 0, true), (0, 100, true), (100, 0, true), (99, 1, true), (99, 2, false),
            (101, 0, false), (UInt64.max, 1, false), (1, UInt64.max, false),
            (50, UInt64.max - 10, false),
        ] as [(UInt64, UInt64, Bool)])
    func `a range lies within a size, whatever its numbers`(
        offset: UInt64, length: UInt64, lies: Bool
    ) {
        #expect(BlockRange(offset: offset, length: length).lies(within: 100) == lies)
    }

    @Test func `zeros as data are written a piece at a time, and nothing else`() throws {
        let device = Plain(3 << 20)
        try device.writeZeroes(BlockRange(offset: 1001, length: (2 << 20) + 77), options: [])
        let bytes = device.bytes.withLock { $0 }
        let end = 1001 + (2 << 20) + 77
        #expect(bytes[..<1001].allSatisfy { $0 == 9 } && bytes[end...].allSatisfy { $0 == 9 })
        #expect(bytes[1001..<end].allSatisfy { $0 == 0 })
        #expect(device.longest.withLock { $0 } <= 1 << 20)
        #expect(throws: BlockError.notSupported("writing zeros fast")) {
            try device.writeZeroes(BlockRange(offset: 0, length: 512), options: .onlyIfFast)
        }
        #expect(throws: BlockError.readOnly) {
            try Plain(512, []).writeZeroes(BlockRange(offset: 0, length: 512), options: [])
        }
    }

    @Test func `what a device does not say, it does not do`() throws {
        let device = Plain(4096)
        var bytes = [UInt8](repeating: 0, count: 16)
        let isThere = try bytes.withUnsafeMutableBytes { try device.readNow(at: 0, into: $0) }
        #expect(!isThere)
        #expect(device.observeSize { _ in } == nil)
        #expect(device.can(.write) && !device.can([.write, .trim]))
    }

    @Test func `observers hear every change until they are released`() {
        let observers = BlockSizeObservers()
        let heard = Mutex<[UInt64]>([])
        let other = Mutex<[UInt64]>([])
        var first: (any BlockObservation)? = observers.add { size in
            heard.withLock { $0.append(size) }
        }
        let second = observers.add { size in other.withLock { $0.append(size) } }
        observers.tell(1)
        first = nil
        observers.tell(2)
        withExtendedLifetime((first, second)) {}
        #expect(heard.withLock { $0 } == [1])
        #expect(other.withLock { $0 } == [1, 2])
    }

    @Test func `overlapping work on ranges is done one after the other`() throws {
        let lock = BlockRangeLock()
        let inside = (0..<4).map { _ in Count() }
        let failures = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for round in 0..<500 {
                let first = (thread + round) % 3
                let range = UInt64(first)..<UInt64(first + 2)
                try? lock.hold(range) { () throws(BlockError) in
                    for unit in first..<first + 2 where inside[unit].enter() > 1 {
                        failures.withLock { $0 += 1 }
                    }
                    for unit in first..<first + 2 { inside[unit].leave() }
                }
            }
        }
        #expect(failures.withLock { $0 } == 0)
    }

    /// How many are inside.
    private final class Count: Sendable {
        let count = Atomic(0)
        func enter() -> Int { count.add(1, ordering: .sequentiallyConsistent).newValue }
        func leave() { count.subtract(1, ordering: .sequentiallyConsistent) }
    }

    @Test(arguments: [
        BlockError.outOfRange(BlockRange(offset: 4096, length: 1), size: 4096), .readOnly,
        .notSupported("trims"), .noSpace(BlockRange(offset: 1, length: 2)),
        .medium(BlockRange(offset: 1, length: 2), SystemError(errno: 5, call: "pread")),
        .gone("it was unplugged"),
    ])
    func `an error names its layer, and what to do`(error: BlockError) {
        #expect(error.cause.hasPrefix("block: "))
        #expect(error.remedy.hasSuffix("."))
        #expect(error.description == "\(error.cause). \(error.remedy)")
    }
}
