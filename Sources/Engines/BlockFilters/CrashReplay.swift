public import BlockDevice

/// Makes the disks that a crash may leave behind, from a log of what was written.
///
/// At any moment a disk holds everything up to the last flush, and of what came after it any part,
/// sector by sector: the rest may have been in a volatile cache, and may have left it in any order.
/// Writes with forced unit access are there in any case. To try many crashes, `apply` what was
/// flushed to one device and each crash to an overlay over it.
public struct CrashReplay: Sendable {
    /// What is torn apart at most, in bytes: what a disk writes as a whole.
    public static let sectorSize: UInt64 = 512

    /// The log.
    public let log: BlockLog

    /// Replays a log.
    public init(_ log: BlockLog) { self.log = log }

    /// How many entries there are before and including each flush: the moments at which nothing is
    /// pending.
    public var flushes: [Int] {
        log.entries.indices.filter { log.entries[$0].kind == .flush }.map { $0 + 1 }
    }

    /// What is not certain to be on the disk once this many entries have been done.
    public func pending(after count: Int) -> Range<Int> {
        let flush = log.entries[..<count].lastIndex { $0.kind == .flush }
        return (flush.map { $0 + 1 } ?? 0)..<count
    }

    /// Does entries as they were done, in order.
    ///
    /// Trims are left out: afterwards the range reads as anything, so as before too.
    public func apply(_ entries: Range<Int>, to device: any BlockDevice) throws(BlockError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        for index in entries {
            let entry = log.entries[index]
            try apply(entry, 0..<entry.range.length, to: device, by: buffer)
        }
    }

    /// Does some of the entries that are pending after `count` of them: each whole, in part or not
    /// at all, as the generator has it.
    public func applyPending(
        after count: Int, to device: any BlockDevice,
        using generator: inout some RandomNumberGenerator
    ) throws(BlockError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        for index in pending(after: count) {
            let entry = log.entries[index]
            if entry.options.contains(.forceUnitAccess) {
                try apply(entry, 0..<entry.range.length, to: device, by: buffer)
                continue
            }
            switch UInt8.random(in: 0..<4, using: &generator) {
            case 0: continue
            case 1:
                for part in sectors(of: entry.range) where Bool.random(using: &generator) {
                    try apply(entry, part, to: device, by: buffer)
                }
            default: try apply(entry, 0..<entry.range.length, to: device, by: buffer)
            }
        }
    }

    /// A range in parts that do not cross the bounds of sectors, relative to its start; those of
    /// a long one are larger.
    private func sectors(of range: BlockRange) -> [Range<UInt64>] {
        // A disk may tear anywhere; a few thousand places are as good as all.
        let sector = max(Self.sectorSize, (range.length / 4096 + 511) & ~511)
        var parts: [Range<UInt64>] = []
        var start: UInt64 = 0
        while start < range.length {
            let next = ((range.offset + start) / sector + 1) * sector - range.offset
            parts.append(start..<min(next, range.length))
            start = next
        }
        return parts
    }

    private func apply(
        _ entry: BlockLog.Entry, _ part: Range<UInt64>, to device: any BlockDevice,
        by buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        switch entry.kind {
        case .flush, .trim: return
        case .writeZeroes:
            try device.writeZeroes(
                BlockRange(
                    offset: entry.range.offset + part.lowerBound,
                    length: part.upperBound - part.lowerBound), options: .mayTrim)
        case .write:
            var start = part.lowerBound
            while start < part.upperBound {
                let count = Int(min(part.upperBound - start, UInt64(buffer.count)))
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                try log.read(entry, from: start, into: piece)
                try device.write(
                    at: entry.range.offset + start, from: UnsafeRawBufferPointer(piece),
                    options: [])
                start += UInt64(count)
            }
        }
    }
}
