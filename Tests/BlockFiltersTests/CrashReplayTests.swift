import BlockDevice
import BlockDevices
import Bytes
import Glibc
import Platform
import Testing

@testable import BlockFilters

@Suite struct CrashReplayTests {
    private let size: UInt64 = 1 << 20

    private func record(
        _ body: (RecordingDevice) throws -> Void
    ) throws -> (base: MemoryDevice, file: OwnedFD) {
        let file = try MemoryFile.make(named: "log", content: [], size: 0)
        let base = MemoryDevice(size: size)
        try body(try RecordingDevice(base, log: file))
        return (base, file)
    }

    private func content(_ device: any BlockDevice) throws -> [UInt8] {
        try Memory.read(device, 0, Int(size))
    }

    @Test func `the whole log gives the whole disk`() throws {
        var random = SeededGenerator(seed: 5)
        let (base, file) = try record { device in
            for _ in 0..<300 {
                let offset = UInt64.random(in: 0..<size - 40_000, using: &random)
                let count = Int.random(in: 1..<40_000, using: &random)
                if Bool.random(using: &random) {
                    let stamp = UInt8.random(in: 0...255, using: &random)
                    try Memory.write(device, offset, [UInt8](repeating: stamp, count: count))
                } else {
                    try device.writeZeroes(
                        BlockRange(offset: offset, length: UInt64(count)), options: [])
                }
                if Int.random(in: 0..<20, using: &random) == 0 { try device.flush() }
            }
        }
        let log = try BlockLog(file)
        #expect(log.deviceSize == size)
        let copy = MemoryDevice(size: size)
        try CrashReplay(log).apply(0..<log.entries.count, to: copy)
        #expect(try content(copy) == content(base))
    }

    @Test func `a log is continued behind its last whole record, and only for its device`() throws {
        let (base, file) = try record { try Memory.write($0, 4096, [1, 2, 3, 4]) }
        // Content whose record was never written, which looks like records itself.
        let end = try Files.status(file).size
        let fake = BlockLog.record(.trim, BlockRange(offset: 0, length: size), [])
        try Files.write([UInt8](repeating: 0, count: 24) + fake + fake, to: file, at: end)
        let again = try RecordingDevice(base, log: file)
        #expect(try Files.status(file).size == end)
        try again.flush()
        try Memory.write(again, 0, [5])
        let log = try BlockLog(file)
        #expect(log.entries.map(\.kind) == [.write, .flush, .write])
        let copy = MemoryDevice(size: size)
        try CrashReplay(log).apply(0..<3, to: copy)
        #expect(try content(copy) == content(base))
        #expect(throws: BlockLog.Failure.foreign) {
            try RecordingDevice(MemoryDevice(size: size + 512), log: file)
        }
        let other = try MemoryFile.make(named: "other", content: [7], size: 1)
        #expect(throws: BlockLog.Failure.self) { try RecordingDevice(base, log: other) }
        #expect(try Files.status(other).size == 1)
    }

    @Test func `a crash keeps what was flushed and forced, and any part of the rest`() throws {
        let (_, file) = try record { device in
            try Memory.write(device, 0, [UInt8](repeating: 1, count: 4096))
            try device.flush()
            try Memory.write(device, 2048, [UInt8](repeating: 2, count: 4096))
            try Memory.write(device, 8192, [UInt8](repeating: 3, count: 512), .forceUnitAccess)
        }
        let replay = CrashReplay(try BlockLog(file))
        #expect(replay.flushes == [2])
        #expect(replay.pending(after: 4) == 2..<4)
        #expect(replay.pending(after: 2) == 2..<2)
        #expect(replay.pending(after: 1) == 0..<1)
        var seen: Set<[UInt8]> = []
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let device = MemoryDevice(size: size)
            try replay.apply(0..<2, to: device)
            try replay.applyPending(after: 4, to: device, using: &random)
            let bytes = try content(device)
            #expect(bytes[..<2048].allSatisfy { $0 == 1 })
            #expect(bytes[8192..<8704].allSatisfy { $0 == 3 })
            // Each sector is old or new as a whole.
            let sectors = stride(from: 2048, to: 6144, by: 512).map { start in
                Set(bytes[start..<start + 512])
            }
            #expect(sectors.allSatisfy { $0.count == 1 })
            seen.insert(sectors.map { $0.first ?? 255 })
        }
        #expect(seen.contains([1, 1, 1, 1, 0, 0, 0, 0]))
        #expect(seen.contains([2, 2, 2, 2, 2, 2, 2, 2]))
        #expect(seen.count > 20)
    }

    @Test func `what failed is not in the log`() throws {
        let file = try MemoryFile.make(named: "log", content: [], size: 0)
        let faults = FaultDevice(
            MemoryDevice(size: size), rules: [FaultRule(.all, .only(2), .fail(.readOnly))], seed: 0)
        let device = try RecordingDevice(faults, log: file)
        try Memory.write(device, 0, [1])
        #expect(throws: BlockError.readOnly) { try Memory.write(device, 0, [2]) }
        try Memory.write(device, 0, [3])
        #expect(try BlockLog(file).entries.count == 2)
    }

    @Test func `a log that was cut off ends before the cut`() throws {
        let (_, file) = try record { device in
            try Memory.write(device, 0, [UInt8](repeating: 1, count: 1000))
            try Memory.write(device, 1000, [UInt8](repeating: 2, count: 1000))
        }
        let end = try Files.status(file).size
        for (cut, count) in [(end - 1, 1), (end - 1000, 1), (end - 1024, 1), (end - 1025, 0)] {
            try Files.truncate(file, to: cut)
            #expect(try BlockLog(file).entries.count == count)
        }
        try Files.truncate(file, to: 20)
        #expect(throws: BlockLog.Failure.foreign) { try BlockLog(file) }
        try Files.truncate(file, to: 0)
        #expect(throws: BlockLog.Failure.foreign) { try BlockLog(file) }
    }

    @Test func `after a change that the log lacks, every change fails`() throws {
        let file = try MemoryFile.make(named: "log", content: [], size: 0)
        let log = OwnedFD(taking: dup(file.raw))
        let device = try RecordingDevice(MemoryDevice(size: size), log: log)
        let nowhere = try Files.open("/dev/full", .readWrite)
        #expect(dup2(nowhere.raw, log.raw) == log.raw)
        #expect(throws: BlockError.self) { try Memory.write(device, 0, [1]) }
        #expect(dup2(file.raw, log.raw) == log.raw)
        #expect(throws: BlockError.gone("its record could not be written")) {
            try Memory.write(device, 0, [2])
        }
        #expect(throws: BlockError.self) { try device.flush() }
        #expect(try BlockLog(file).entries.isEmpty)
    }

    @Test func `a log is bounded`() throws {
        let file = try MemoryFile.make(named: "log", content: [], size: 0)
        let base = MemoryDevice(size: size)
        let device = try RecordingDevice(base, log: file, limit: 5000)
        try Memory.write(device, 0, [UInt8](repeating: 1, count: 4000))
        #expect(throws: BlockError.noSpace(BlockRange(offset: 0, length: 4000))) {
            try Memory.write(device, 0, [UInt8](repeating: 2, count: 4000))
        }
        #expect(try Memory.read(base, 0, 1) == [1])
    }
}
