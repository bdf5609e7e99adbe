public import BlockDevice
import Platform

extension FileDevice {
    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        guard range.length > 0 else { return [] }
        guard can(.extents), has(.seekData) else { return [.data(range.length)] }
        var extents: [BlockExtent] = []
        var offset = range.offset
        while offset < range.end && extents.count < max(1, limit) {
            guard let data = try next(BlockIO.nextData, from: offset) else {
                try checkSize()
                extents.append(.hole(range.end - offset))
                break
            }
            if data > offset {
                extents.append(.hole(min(data, range.end) - offset))
                offset = data
                continue
            }
            guard let hole = try next(BlockIO.nextHole, from: offset), hole > offset else {
                // The data was taken away between the two calls.
                extents.append(.data(range.end - offset))
                break
            }
            extents.append(.data(min(hole, range.end) - offset))
            offset = hole
        }
        return extents
    }

    /// A place in the file; nil where there is none before its end.
    private func next(
        _ seek: (Int32, UInt64) -> Int, from offset: UInt64
    ) throws(BlockError) -> UInt64? {
        let result = seek(file.raw, offset)
        if result >= 0 { return UInt64(result) }
        // ENXIO, the one answer that does not mean here that the device is gone.
        if BlockIO.meaning(of: result) == .gone { return nil }
        throw error(result, BlockRange(offset: offset, length: size - offset), "lseek")
    }

    /// What lies past the end of a file that was cut is no hole.
    private func checkSize() throws(BlockError) {
        guard let status = try? Files.status(file) else { return }
        if status.size < size { throw foundCut() }
    }
}
