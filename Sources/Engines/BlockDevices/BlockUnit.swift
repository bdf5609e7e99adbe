import BlockDevice

/// The blocks of a store that takes only whole ones: what a range touches, and what it covers.
struct BlockUnit {
    /// A power of two, in bytes.
    let bytes: UInt64

    /// Whether a range begins and ends between blocks.
    func divides(_ range: BlockRange) -> Bool {
        (range.offset | range.length) & (bytes - 1) == 0
    }

    /// The blocks that a range touches.
    func outer(of range: BlockRange) -> BlockRange {
        let start = roundedDown(range.offset)
        return BlockRange(offset: start, length: roundedUp(range.end) - start)
    }

    /// The blocks that a range covers; empty at its start where there is none.
    func inner(of range: BlockRange) -> BlockRange {
        let start = roundedUp(range.offset)
        let end = roundedDown(range.end)
        guard start < end else { return BlockRange(offset: range.offset, length: 0) }
        return BlockRange(offset: start, length: end - start)
    }

    /// The last place between blocks that is not after this one.
    func roundedDown(_ offset: UInt64) -> UInt64 { offset & ~(bytes - 1) }

    private func roundedUp(_ offset: UInt64) -> UInt64 { roundedDown(offset + bytes - 1) }
}

extension BlockRange {
    /// The range in pieces of at most `limit` bytes, in order.
    func pieces(limit: UInt64) -> some Sequence<BlockRange> {
        stride(from: offset, to: end, by: UInt64.Stride(limit)).lazy.map { place in
            BlockRange(offset: place, length: min(limit, end - place))
        }
    }
}
