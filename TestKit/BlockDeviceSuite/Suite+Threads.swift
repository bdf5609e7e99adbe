import BlockDevice
import Bytes
import Platform

extension BlockDeviceSuite {
    static let neighbours = SuiteCheck(
        "writers side by side do not lose each other's bytes", if: { $0.device.can(.write) }
    ) { subject, seed in
        let device = try subject.make(size).device
        // Small pieces, each thread's between the others': within the same sectors, blocks, pages
        // and clusters.
        let (threads, piece) = (4, 96)
        let pieces = min(Int(device.size) / piece / threads, 1500)
        try Threads.run(threads) { thread in
            var random = SeededGenerator(seed: seed &+ UInt64(thread))
            for index in (0..<pieces).shuffled(using: &random) {
                let content = [UInt8](
                    repeating: UInt8(truncatingIfNeeded: index ^ thread << 6), count: piece)
                try device.write(content, at: UInt64((index * threads + thread) * piece))
                if index % 64 == thread { try device.flush() }
            }
        }
        for index in 0..<pieces * threads {
            let (number, thread) = (index / threads, index % threads)
            let wanted = UInt8(truncatingIfNeeded: number ^ thread << 6)
            let found = try device.bytes(UInt64(index * piece), piece)
            try expect(
                isUniform(found[...]) && found.first == wanted,
                "piece \(number) of writer \(thread) holds \(found), not \(wanted)")
        }
    }

    static let sectors = SuiteCheck(
        "writers of the same place leave whole sectors", if: { $0.device.can(.write) }
    ) { subject, seed in
        let device = try subject.make(size).device
        // Small, so that writers meet.
        let area = min(Int(device.size) / 512, 64)
        try device.writeZeroes(BlockRange(offset: 0, length: UInt64(area * 512)), options: [])
        // Long enough that every thread is interrupted in the middle of something.
        let end = Clock.milliseconds() + 150
        try Threads.run(4) { thread in
            var random = SeededGenerator(seed: seed &+ UInt64(thread))
            while Clock.milliseconds() < end {
                let first = Int.random(in: 0..<area - 1, using: &random)
                let count = Int.random(in: 1...min(16, area - first), using: &random)
                if thread < 3 {
                    let stamp = UInt8.random(in: 1...255, using: &random)
                    let content = [UInt8](repeating: stamp, count: count * 512)
                    try device.write(content, at: UInt64(first * 512))
                } else {
                    let bytes = try device.bytes(UInt64(first * 512), count * 512)
                    guard !subject.mayTearReads else { continue }
                    for sector in 0..<count {
                        try expect(
                            isUniform(bytes[sector * 512..<(sector + 1) * 512]),
                            "a reader saw half a write in sector \(first + sector)")
                    }
                }
            }
        }
        let bytes = try device.bytes(0, area * 512)
        for sector in 0..<area {
            try expect(
                isUniform(bytes[sector * 512..<(sector + 1) * 512]), "sector \(sector) is torn")
        }
    }

    static let flushesAmongWrites = SuiteCheck(
        "every kind of call at once", if: { $0.device.can(.write) }
    ) { subject, seed in
        let device = try subject.make(size).device
        let slice = device.size / 4
        // Each thread has a slice and a model of its own; what it does is seen by nobody else.
        try Threads.run(4) { thread in
            var random = SeededGenerator(seed: seed &+ UInt64(thread))
            var model = try Model(Slice(of: device, from: UInt64(thread) * slice, length: slice))
            for _ in 0..<150 { try model.step(&random) }
            try model.compareAll()
        }
    }

    /// A part of a device, kept simple, for a thread's own use.
    private final class Slice: BlockDevice {
        let base: any BlockDevice
        let start: UInt64
        let size: UInt64
        var properties: BlockProperties { base.properties }

        init(of base: any BlockDevice, from start: UInt64, length: UInt64) {
            self.base = base
            self.start = start
            size = length
        }

        func read(
            at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
        ) throws(BlockError) { try base.read(at: start + offset, into: buffer) }

        func readNow(
            at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
        ) throws(BlockError) -> Bool { try base.readNow(at: start + offset, into: buffer) }

        func write(
            at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
        ) throws(BlockError) {
            try base.write(at: start + offset, from: buffer, options: options)
        }

        func flush() throws(BlockError) { try base.flush() }

        func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
            try base.trim(moved(range), options: options)
        }

        func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
            try base.writeZeroes(moved(range), options: options)
        }

        func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
            try base.extents(in: moved(range), limit: limit)
        }

        private func moved(_ range: BlockRange) -> BlockRange {
            BlockRange(offset: start + range.offset, length: range.length)
        }
    }
}
