import BlockDevice
import Bytes

/// What a device must hold: its content as an array, beside the device.
struct Model {
    let device: any BlockDevice
    private(set) var bytes: [UInt8]
    /// What was done last, for a report.
    private var trail: [String] = []

    /// Takes over a device with whatever it holds.
    init(_ device: any BlockDevice) throws {
        self.device = device
        bytes = try device.bytes(0, Int(device.size))
    }

    private mutating func note(_ text: String) {
        trail.append(text)
        if trail.count > 24 { trail.removeFirst() }
    }

    /// The last operations.
    var history: String { trail.joined(separator: "; ") }

    /// Does one random operation on both, and compares what can be compared.
    mutating func step(_ random: inout SeededGenerator) throws {
        let range = range(&random)
        let options = options(&random)
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<6: try compare(range, now: Bool.random(using: &random))
        case 6..<12:
            let content = random.content(Int(range.length))
            note("write \(range.offset)+\(range.length) \(options.rawValue)")
            let mayNow = device.can(.immediateWrites) && options.isEmpty
            let isDone = try content.withUnsafeBytes {
                mayNow ? try device.writeNow(at: range.offset, from: $0) : false
            }
            if !isDone {
                try device.write(
                    content, at: range.offset, options: options.intersection(.forceUnitAccess))
            }
            replace(range, content)
        case 12..<15:
            note("zero \(range.offset)+\(range.length) \(options.rawValue)")
            guard try device.zeroes(range, options) else {
                // Then nothing has changed.
                return try compare(range, now: false)
            }
            replace(range, [UInt8](repeating: 0, count: Int(range.length)))
        case 15..<17: try trim(range)
        case 17: try device.flush()
        default: try compareExtents(range)
        }
    }

    private func range(_ random: inout SeededGenerator) -> BlockRange {
        let size = UInt64(bytes.count)
        var offset = UInt64.random(in: 0...size, using: &random)
        let limits: [UInt64] = [1, 512, 4096, 20_000, 300_000]
        let limit = limits.randomElement(using: &random) ?? 1
        var length = UInt64.random(in: 0...limit, using: &random)
        // Bounds of sectors, blocks, pages and clusters are where things go wrong.
        let units: [UInt64] = [1, 512, 4096, 65_536]
        let unit = units.randomElement(using: &random) ?? 1
        offset -= offset % unit
        if Bool.random(using: &random) { length = (length + unit - 1) / unit * unit }
        return BlockRange(offset: offset, length: min(length, size - offset))
    }

    private func options(_ random: inout SeededGenerator) -> BlockWriteOptions {
        BlockWriteOptions(rawValue: UInt8.random(in: 0..<8, using: &random))
    }

    private mutating func replace(_ range: BlockRange, _ content: [UInt8]) {
        bytes.replaceSubrange(Int(range.offset)..<Int(range.end), with: content)
    }

    private mutating func trim(_ range: BlockRange) throws {
        note("trim \(range.offset)+\(range.length)")
        try device.trim(range, options: [])
        if device.can(.trim) {
            if device.can(.trimmedReadsZero) {
                replace(range, [UInt8](repeating: 0, count: Int(range.length)))
            } else {
                // It reads as anything, from now on.
                replace(range, try device.bytes(range.offset, Int(range.length)))
            }
        }
        try compare(range, now: false)
    }

    /// Compares a range of both.
    func compare(_ range: BlockRange, now: Bool) throws {
        var content = [UInt8](repeating: 0xa5, count: Int(range.length))
        if now && device.can(.immediateReads) {
            let isThere = try content.withUnsafeMutableBytes {
                try device.readNow(at: range.offset, into: $0)
            }
            guard isThere else { return }
        } else {
            content = try device.bytes(range.offset, Int(range.length))
        }
        let wanted = bytes[Int(range.offset)..<Int(range.end)]
        guard let wrong = difference(content[...], wanted) else { return }
        let place = Int(range.offset) + wrong
        throw SuiteFailure(
            """
            byte \(place) of a read of \(range.offset)+\(range.length) is \(content[wrong]), \
            not \(bytes[place]); before: \(history)
            """)
    }

    /// Compares everything.
    func compareAll() throws {
        try compare(BlockRange(offset: 0, length: UInt64(bytes.count)), now: false)
    }

    /// Asks for extents until they cover a range; what reads as zeros must be zeros.
    func compareExtents(_ range: BlockRange) throws {
        var offset = range.offset
        while offset < range.end {
            let rest = BlockRange(offset: offset, length: range.end - offset)
            let limit = [1, 2, 64][Int(offset % 3)]
            let found = try device.extents(in: rest, limit: limit)
            guard !found.isEmpty, found.count <= limit else {
                throw SuiteFailure("\(found.count) extents of at most \(limit); \(history)")
            }
            if !device.can(.extents), found != [.data(rest.length)] {
                throw SuiteFailure("extents without the capability: \(found)")
            }
            for extent in found {
                guard extent.length > 0, extent.length <= range.end - offset else {
                    throw SuiteFailure("an extent of \(extent.length) bytes at \(offset)")
                }
                let part = bytes[Int(offset)..<Int(offset + extent.length)]
                if extent.readsZero, !isZero(part) {
                    throw SuiteFailure("no zeros at \(offset)+\(extent.length); \(history)")
                }
                offset += extent.length
            }
        }
    }
}
