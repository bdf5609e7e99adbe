public import BlockDevice
import Platform

extension FileDevice {
    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        try checkWhole()
        guard range.length > 0, can(.trim) else { return }
        // Only whole sectors of a block device can be given up; it is a hint, so the rest stays.
        let inner = isBlockDevice ? wholeSectors(of: range) : range
        guard inner.length > 0 else { return }
        if try !give(inner, by: .punch, "fallocate", BlockIO.punch), isBlockDevice {
            _ = try give(inner, by: .discard, "BLKDISCARD", BlockIO.discard)
        }
        if options.contains(.forceUnitAccess) { try flush() }
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        try checkWhole()
        guard range.length > 0 else { return }
        if isBlockDevice {
            try zeroSectors(range, options: options)
        } else if try !zeroFast(range, options: options) {
            return try writeZeroesAsData(range, options: options)
        }
        if options.contains(.forceUnitAccess) { try flush() }
    }

    /// Zeros without writing them; false where the file system cannot.
    private func zeroFast(
        _ range: BlockRange, options: BlockWriteOptions
    ) throws(BlockError) -> Bool {
        if options.contains(.mayTrim),
            try give(range, by: .punch, "fallocate", BlockIO.punch)
        {
            return true
        }
        return try give(range, by: .zeroRange, "fallocate", BlockIO.zeroRange)
    }

    /// Zeroes a block device: whole sectors by the device or the kernel, the edges as data.
    private func zeroSectors(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        let inner = wholeSectors(of: range)
        let edges = [
            BlockRange(offset: range.offset, length: inner.offset - range.offset),
            BlockRange(offset: inner.end, length: range.end - inner.end),
        ]
        if inner.length > 0, try !zeroFast(inner, options: options) {
            if options.contains(.onlyIfFast) { throw .notSupported("writing zeros fast") }
            if try !give(inner, by: .zeroOut, "BLKZEROOUT", BlockIO.zeroOut) {
                try writeZeroesAsData(inner, options: [])
            }
        }
        // Less than two sectors; not slower than anything else.
        for edge in edges { try writeZeroesAsData(edge, options: []) }
    }

    /// The largest range of whole sectors within one; empty at its start where there is none.
    private func wholeSectors(of range: BlockRange) -> BlockRange {
        let mask = UInt64(properties.logicalBlockSize) - 1
        let start = (range.offset + mask) & ~mask
        let end = range.end & ~mask
        guard start < end else { return BlockRange(offset: range.offset, length: 0) }
        return BlockRange(offset: start, length: end - start)
    }

    /// Changes a range in one way; false where that way does not exist, which is remembered.
    private func give(
        _ range: BlockRange, by way: FileWays, _ call: String,
        _ change: (Int32, UInt64, UInt64) -> Int
    ) throws(BlockError) -> Bool {
        guard has(way) else { return false }
        let result = change(file.raw, range.offset, range.length)
        if result >= 0 { return true }
        guard BlockIO.meaning(of: result) == .unsupported else {
            throw error(result, range, call)
        }
        lacks(way)
        return false
    }
}
