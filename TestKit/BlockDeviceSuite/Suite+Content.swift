import BlockDevice
import Bytes

extension BlockDeviceSuite {
    /// Ordinary size of a device under test: not a multiple of anything large.
    static let size: UInt64 = (1 << 20) + 3 * 512

    static func expect(_ condition: Bool, _ words: @autoclosure () -> String) throws {
        if !condition { throw SuiteFailure(words()) }
    }

    static func throwsError(_ wanted: (BlockError) -> Bool, _ body: () throws -> Void) -> Bool {
        do { try body() } catch let error as BlockError { return wanted(error) } catch {}
        return false
    }

    private static func isOutOfRange(_ error: BlockError) -> Bool {
        if case .outOfRange = error { true } else { false }
    }

    static let content = SuiteCheck(
        "holds what a model holds", if: { $0.device.can(.write) }
    ) { subject, seed in
        var random = SeededGenerator(seed: seed)
        var model = try Model(try subject.make(size).device)
        for _ in 0..<600 { try model.step(&random) }
        try model.compareAll()
        try model.compareExtents(BlockRange(offset: 0, length: model.device.size))
    }

    static let largeRequests = SuiteCheck(
        "large requests and the last byte", if: { $0.device.can(.write) }
    ) { subject, seed in
        var random = SeededGenerator(seed: seed)
        let device = try subject.make(10 << 20).device
        let count = Int(device.size) - 1001
        let content = random.content(count)
        try device.write(content, at: 1000)
        try device.write([0x5a], at: device.size - 1)
        let found = try device.bytes(0, Int(device.size))
        let wrong = difference(found[1000..<1000 + count], content[...])
        try expect(wrong == nil, "byte \(wrong ?? 0) came back otherwise")
        try expect(found.last == 0x5a, "the last byte is \(found.last ?? 0)")
    }

    static let bounds = SuiteCheck("nothing happens outside") { subject, _ in
        let device = try subject.make(size).device
        let end = device.size
        let before = try device.bytes(0, Int(end))
        for (offset, length) in [
            (end, 1), (end - 1, 2), (end + 1, 0), (UInt64.max, 1), (UInt64.max - 3, 8),
            (0, end + 1), (1 << 63, 512),
        ] as [(UInt64, UInt64)] {
            let range = BlockRange(offset: offset, length: length)
            let content = [UInt8](repeating: 1, count: Int(min(length, 4 << 20)))
            try expect(
                throwsError(isOutOfRange) { _ = try device.bytes(offset, content.count) },
                "a read of \(range) is no error")
            try expect(
                throwsError(isOutOfRange) { _ = try device.extents(in: range, limit: 8) },
                "extents of \(range) are no error")
            if device.can(.immediateReads) {
                try expect(
                    throwsError(isOutOfRange) {
                        var content = content
                        _ = try content.withUnsafeMutableBytes {
                            try device.readNow(at: offset, into: $0)
                        }
                    }, "an immediate read of \(range) is no error")
            }
            guard device.can(.write) else { continue }
            try expect(
                throwsError(isOutOfRange) { try device.write(content, at: offset) },
                "a write of \(range) is no error")
            try expect(
                throwsError(isOutOfRange) { try device.writeZeroes(range, options: []) },
                "zeros in \(range) are no error")
            try expect(
                throwsError(isOutOfRange) { try device.trim(range, options: []) },
                "a trim of \(range) is no error")
        }
        try expect(
            difference(try device.bytes(0, Int(end))[...], before[...]) == nil, "something changed")
    }

    static let empty = SuiteCheck("empty requests do nothing") { subject, _ in
        let device = try subject.make(size).device
        let before = try device.bytes(0, Int(device.size))
        for offset in [0, 511, device.size / 2, device.size] {
            let range = BlockRange(offset: offset, length: 0)
            _ = try device.bytes(offset, 0)
            let found = try device.extents(in: range, limit: 4)
            try expect(found.allSatisfy { $0.length == 0 }, "extents of nothing: \(found)")
            guard device.can(.write) else { continue }
            try device.write([], at: offset)
            try device.write([], at: offset, options: .forceUnitAccess)
            try device.writeZeroes(range, options: [])
            try device.writeZeroes(range, options: [.mayTrim, .forceUnitAccess])
            try device.trim(range, options: [])
        }
        try expect(
            difference(try device.bytes(0, Int(device.size))[...], before[...]) == nil,
            "something changed")
    }

    static let properties = SuiteCheck("properties keep their bounds") { subject, _ in
        let device = try subject.make(size).device
        let properties = device.properties
        let logical = properties.logicalBlockSize
        try expect(
            logical.nonzeroBitCount == 1 && (512...65_536).contains(logical), "logical \(logical)")
        try expect(
            properties.physicalBlockSize >= logical && properties.physicalBlockSize % logical == 0,
            "physical \(properties.physicalBlockSize)")
        try expect(properties.parallelism >= 1, "parallelism \(properties.parallelism)")
        let capabilities = properties.capabilities
        try expect(
            capabilities.contains(.trim) == (properties.trimGranularity > 0),
            "granularity \(properties.trimGranularity)")
        try expect(
            !capabilities.contains(.trimmedReadsZero) || capabilities.contains(.trim),
            "zeros after trims that are not there")
        if !capabilities.contains(.write) {
            let changes: BlockCapabilities = [
                .volatileCache, .forceUnitAccess, .trim, .fastZeroes, .immediateWrites,
            ]
            try expect(capabilities.isDisjoint(with: changes), "ways to change a read-only device")
        }
        try expect(device.properties == properties, "properties that change")
    }

    static let readOnly = SuiteCheck(
        "a device without the right to write refuses changes", if: { !$0.device.can(.write) }
    ) { subject, _ in
        let device = try subject.make(size).device
        let before = try device.bytes(0, Int(device.size))
        let range = BlockRange(offset: 0, length: 4096)
        let isRefused = { (body: () throws -> Void) in throwsError({ $0 == .readOnly }, body) }
        try expect(
            isRefused { try device.write([UInt8](repeating: 9, count: 4096), at: 0) }, "writes")
        try expect(isRefused { try device.writeZeroes(range, options: []) }, "zeroes")
        try expect(isRefused { try device.trim(range, options: []) }, "trims")
        try device.flush()
        try expect(
            difference(try device.bytes(0, Int(device.size))[...], before[...]) == nil,
            "something changed")
    }

    static let immediateReads = SuiteCheck(
        "what was just read is read at once", if: { $0.device.can(.immediateReads) }
    ) { subject, _ in
        let device = try subject.make(size).device
        let wanted = try device.bytes(4096, 8192)
        var found = [UInt8](repeating: 0xa5, count: 8192)
        let isThere = try found.withUnsafeMutableBytes {
            try device.readNow(at: 4096, into: $0)
        }
        try expect(isThere, "it is not there")
        try expect(found == wanted, "it is something else")
    }

    static let extents = SuiteCheck("extents cover a range exactly") { subject, seed in
        var random = SeededGenerator(seed: seed)
        let device = try subject.make(size).device
        if device.can(.write) {
            for place in stride(from: UInt64(0), to: device.size - 65_536, by: 131_072) {
                try device.writeZeroes(
                    BlockRange(offset: place, length: 65_536), options: .mayTrim)
                try device.write([1, 2, 3], at: place + 70_000)
            }
            try device.flush()
        }
        let model = try Model(device)
        try model.compareExtents(BlockRange(offset: 0, length: device.size))
        for _ in 0..<100 {
            let offset = UInt64.random(in: 0..<device.size, using: &random)
            let length = UInt64.random(in: 1...device.size - offset, using: &random)
            try model.compareExtents(BlockRange(offset: offset, length: length))
        }
    }

    static let zeroes = SuiteCheck(
        "zeros are zeros, and fast ones are fast or refused", if: { $0.device.can(.write) }
    ) { subject, _ in
        for options in [[], .mayTrim, .onlyIfFast, [.mayTrim, .onlyIfFast]]
            as [BlockWriteOptions]
        {
            let device = try subject.make(size).device
            let content = [UInt8](repeating: 0x77, count: 200_000)
            try device.write(content, at: 1000)
            // The edges lie within sectors.
            let range = BlockRange(offset: 60_001, length: 100_003)
            let isRefused = try !device.zeroes(range, options)
            let mustBeFast = device.can(.fastZeroes) && options.contains(.mayTrim)
            try expect(!isRefused || !mustBeFast, "zeros said to be fast are not")
            var wanted = content
            if !isRefused {
                wanted.replaceSubrange(
                    59_001..<159_004, with: [UInt8](repeating: 0, count: 100_003))
            }
            let wrong = difference(try device.bytes(1000, 200_000)[...], wanted[...])
            try expect(wrong == nil, "byte \(wrong ?? 0) is wrong after \(options)")
        }
    }
}
