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
            let content = (0..<range.length).map { _ in UInt8.random(in: 0...255, using: &random) }
            note("write \(range.offset)+\(range.length) \(options.rawValue)")
            try device.write(
                content, at: range.offset, options: options.intersection(.forceUnitAccess))
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
        guard let wrong = zip(content, wanted).enumerated().first(where: { $1.0 != $1.1 }) else {
            return
        }
        throw SuiteFailure(
            """
            byte \(Int(range.offset) + wrong.offset) of a read of \(range.offset)+\(range.length) \
            is \(wrong.element.0), not \(wrong.element.1); before: \(history)
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
                if extent.readsZero, part.contains(where: { $0 != 0 }) {
                    throw SuiteFailure("no zeros at \(offset)+\(extent.length); \(history)")
                }
                offset += extent.length
            }
        }
    }
}

extension BlockDevice {
    /// Makes zeros; false where that is refused because it would not be fast.
    func zeroes(_ range: BlockRange, _ options: BlockWriteOptions) throws(BlockError) -> Bool {
        do throws(BlockError) {
            try writeZeroes(range, options: options)
            return true
        } catch {
            if case .notSupported = error, options.contains(.onlyIfFast) { return false }
            throw error
        }
    }

    /// Reads bytes; the memory was something else before.
    func bytes(_ offset: UInt64, _ count: Int) throws(BlockError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { buffer.deallocate() }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xa5)
        try read(at: offset, into: buffer)
        return Array(buffer)
    }

    /// Writes bytes.
    func write(
        _ bytes: [UInt8], at offset: UInt64, options: BlockWriteOptions = []
    ) throws(BlockError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        try write(at: offset, from: UnsafeRawBufferPointer(buffer), options: options)
    }
}
