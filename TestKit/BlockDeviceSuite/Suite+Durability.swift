import BlockDevice
import Bytes

extension BlockDeviceSuite {
    /// What each sector may hold after a crash: the durable content first, then everything that was
    /// written to it since.
    private struct Possible {
        private var sectors: [[[UInt8]]]

        init(_ device: any BlockDevice) throws {
            let bytes = try device.bytes(0, Int(device.size))
            sectors = stride(from: 0, to: bytes.count, by: 512).map {
                [Array(bytes[$0..<min($0 + 512, bytes.count)])]
            }
        }

        /// A write of whatever alignment; `durable` ones leave nothing else possible.
        mutating func write(_ content: [UInt8], at offset: Int, durable: Bool) {
            var place = offset
            while place < offset + content.count {
                let sector = place / 512
                let end = min(offset + content.count, (sector + 1) * 512)
                guard var bytes = sectors[sector].last else { return }
                bytes.replaceSubrange(
                    place % 512..<place % 512 + (end - place),
                    with: content[place - offset..<end - offset])
                if durable && bytes.count == end - place {
                    sectors[sector] = [bytes]
                } else if durable {
                    // The rest of the sector may still be older: what is certain is the part.
                    let part = content[place - offset..<end - offset]
                    sectors[sector] = sectors[sector].map { old in
                        var old = old
                        old.replaceSubrange(
                            place % 512..<place % 512 + (end - place), with: part)
                        return old
                    }
                } else {
                    sectors[sector].append(bytes)
                }
                place = end
            }
        }

        mutating func flush() { sectors = sectors.map { $0.suffix(1) } }

        /// Compares with what is there after a crash, which is the only possibility from then on.
        mutating func compare(_ device: any BlockDevice) throws {
            let bytes = try device.bytes(0, Int(device.size))
            for sector in sectors.indices {
                let found = Array(bytes[sector * 512..<min((sector + 1) * 512, bytes.count)])
                guard sectors[sector].contains(found) else {
                    throw SuiteFailure(
                        """
                        sector \(sector) begins with \(found.prefix(4)) after a crash; possible: \
                        \(sectors[sector].map { $0.prefix(4) })
                        """)
                }
                sectors[sector] = [found]
            }
        }
    }

    static let durability = SuiteCheck(
        "a crash takes nothing that was flushed",
        if: { $0.crash != nil && $0.device.can(.write) }
    ) { subject, seed in
        var random = SeededGenerator(seed: seed)
        let subject = try subject.make(256 << 10)
        guard let crash = subject.crash else { return }
        var device = subject.device
        var possible = try Possible(device)
        for _ in 0..<12 {
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                try step(device, &possible, &random)
            }
            device = try crash()
            try possible.compare(device)
        }
    }

    private static func step(
        _ device: any BlockDevice, _ possible: inout Possible, _ random: inout SeededGenerator
    ) throws {
        let size = Int(device.size)
        // Whole sectors, small areas: so that writes meet.
        let first = Int.random(in: 0..<size / 512 - 64, using: &random)
        let count = [1, 3, 8, 64].randomElement(using: &random) ?? 1
        let (offset, length) = (first * 512, count * 512)
        let isForced = Int.random(in: 0..<6, using: &random) == 0
        let options: BlockWriteOptions = isForced ? .forceUnitAccess : []
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            try device.flush()
            possible.flush()
        case 1:
            let range = BlockRange(offset: UInt64(offset), length: UInt64(length))
            let mayTrim = Bool.random(using: &random)
            try device.writeZeroes(range, options: mayTrim ? options.union(.mayTrim) : options)
            possible.write([UInt8](repeating: 0, count: length), at: offset, durable: isForced)
        default:
            let content = random.content(length)
            try device.write(content, at: UInt64(offset), options: options)
            possible.write(content, at: offset, durable: isForced)
        }
    }

    static let forcedAccess = SuiteCheck(
        "a forced write survives without a flush",
        if: { $0.crash != nil && $0.device.can(.write) }
    ) { subject, _ in
        let subject = try subject.make(256 << 10)
        guard let crash = subject.crash else { return }
        // The same place twice: the first time it is new to an overlay, the second time it is not.
        var device = subject.device
        for stamp in [UInt8(1), 2] {
            let content = [UInt8](repeating: stamp, count: 1000)
            try device.write(content, at: 7000, options: .forceUnitAccess)
            let zeros = BlockRange(offset: 50_000, length: 9000)
            try device.write([UInt8](repeating: stamp, count: 9000), at: 50_000)
            try device.writeZeroes(zeros, options: .forceUnitAccess)
            device = try crash()
            try expect(try device.bytes(7000, 1000) == content, "the write of \(stamp) is lost")
            try expect(
                isZero(try device.bytes(50_000, 9000)[...]), "the zeros are lost")
        }
    }
}
