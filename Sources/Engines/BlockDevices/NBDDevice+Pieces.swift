import BlockDevice
import NBDWire
import Platform

/// What ranges become on the way to a server that takes whole blocks, and only so many at once.
extension NBDDevice {
    /// The longest range of a change without content, in bytes: a server that has to write it out
    /// needs less than the time for a request.
    ///
    /// A multiple of every block size, too.
    private static let rangeLimit: UInt64 = 64 << 20

    /// Lets overlapping changes wait for each other where blocks may have to be written back.
    func alone(
        with range: BlockRange, _ body: () throws(BlockError) -> Void
    ) throws(BlockError) {
        let outer = unit.outer(of: range)
        if unit.bytes == 1 || outer.length == 0 { return try body() }
        try writers.hold(outer.offset..<outer.end, body)
    }

    /// The flag for forced unit access, where the server has it.
    func forced(_ options: BlockWriteOptions) -> NBDCommandFlags {
        options.contains(.forceUnitAccess) && can(.forceUnitAccess) ? .fua : []
    }

    /// Flushes for a server that has no forced unit access.
    func finish(_ options: BlockWriteOptions, _ range: BlockRange) throws(BlockError) {
        guard options.contains(.forceUnitAccess), !can(.forceUnitAccess), range.length > 0 else {
            return
        }
        try flush()
    }

    /// Writes whole blocks.
    func store(
        _ range: BlockRange, _ buffer: UnsafeRawBufferPointer, _ options: BlockWriteOptions
    ) throws(BlockError) {
        let flags = forced(options)
        for piece in range.pieces(limit: contentLimit) {
            let start = Int(piece.offset - range.offset)
            let content = UnsafeRawBufferPointer(
                rebasing: buffer[start..<start + Int(piece.length)])
            try change(.write, piece, flags, content)
        }
    }

    /// Does a change without content, a piece at a time.
    ///
    /// Where a later piece turns out not to be fast, it is written nevertheless: the first has
    /// changed something already.
    func give(
        _ range: BlockRange, _ command: NBDCommand, _ flags: NBDCommandFlags
    ) throws(BlockError) {
        var flags = flags
        for piece in range.pieces(limit: Self.rangeLimit) {
            try change(command, piece, flags)
            flags.remove(.fastZero)
        }
    }

    /// One request of the server that changes a piece.
    private func change(
        _ command: NBDCommand, _ piece: BlockRange, _ flags: NBDCommandFlags,
        _ content: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(BlockError) {
        try pool.use(piece, flushes: flags.contains(.fua)) {
            connection, deadline throws(NBDFailure) in
            try connection.change(
                command, offset: piece.offset, length: piece.length, flags: flags,
                content: content, deadline: deadline)
        }
    }

    /// Reads the blocks around a range, and copies it out.
    func readAround(
        _ range: BlockRange, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        try withBlocks(around: range) { _, _, part in
            buffer.copyMemory(from: UnsafeRawBufferPointer(part))
        }
    }

    /// Reads the blocks around a range, changes it and writes them back.
    func writeAround(
        _ range: BlockRange, _ options: BlockWriteOptions,
        _ change: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(BlockError) {
        try withBlocks(around: range) { outer, blocks, part throws(BlockError) in
            change(part)
            try store(outer, UnsafeRawBufferPointer(blocks), options)
        }
    }

    /// Reads the blocks around a range; the body gets their place, them, and the range in them.
    private func withBlocks(
        around range: BlockRange,
        _ body: (
            BlockRange, UnsafeMutableRawBufferPointer, UnsafeMutableRawBufferPointer
        ) throws(BlockError) -> Void
    ) throws(BlockError) {
        let outer = unit.outer(of: range)
        let blocks = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(outer.length), alignment: 4096)
        defer { blocks.deallocate() }
        try read(at: outer.offset, into: blocks)
        let start = Int(range.offset - outer.offset)
        let part = UnsafeMutableRawBufferPointer(
            rebasing: blocks[start..<start + Int(range.length)])
        try body(outer, blocks, part)
    }

    /// What a server told from an offset on, as far as it lies within a range; at most `limit`.
    static func extents(
        _ found: [NBDDescriptor], from offset: UInt64, within range: BlockRange, limit: Int
    ) -> [BlockExtent] {
        var extents: [BlockExtent] = []
        var place = offset
        for descriptor in found where extents.count < limit && place < range.end {
            let end = descriptor.length > range.end - place ? range.end : place + descriptor.length
            let start = max(place, range.offset)
            place = end
            guard end > start else { continue }
            let flags = NBDAllocation(rawValue: descriptor.flags)
            extents.append(
                BlockExtent(
                    length: end - start, isAllocated: !flags.contains(.hole),
                    readsZero: flags.contains(.zero)))
        }
        return extents
    }
}
