public import BlockDevice

extension OverlayDevice {
    /// How far a commit has come, in bytes.
    public struct Progress: Sendable, Equatable {
        /// Written so far.
        public var done: UInt64
        /// To be written in all.
        public var total: UInt64
    }

    /// Bytes of the disk that the store holds.
    public var heldBytes: UInt64 {
        var total: UInt64 = 0
        forEachHeld { range in total += range.length }
        return total
    }

    /// Writes the changes into a device of the same size (as a rule the one below), makes them
    /// durable there, and then forgets them.
    ///
    /// Nobody may use the overlay meanwhile: `inUse` where somebody does, and calls that come later
    /// throw `gone` until it is done. Cut short, or on an error, it can be run again: the overlay
    /// keeps its changes until all of them are durable in the target. Blocks for as long as it
    /// takes.
    public func commit(
        into target: any BlockDevice, progress: (Progress) -> Void = { _ in }
    ) throws(OverlayError) {
        try alone { () throws(BlockError) in
            try target.checkWrite(BlockRange(offset: 0, length: size))
            let total = heldBytes
            var done: UInt64 = 0
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: 1 << 20, alignment: 4096)
            defer { buffer.deallocate() }
            try forEachHeld { range throws(BlockError) in
                try copy(range, to: target, by: buffer) { count in
                    done += count
                    progress(Progress(done: done, total: total))
                }
            }
            try target.flush()
            try forget()
        }
    }

    /// Forgets the changes; the disk is what lies below again.
    ///
    /// Nobody may use the overlay meanwhile, as for `commit`. Blocks.
    public func discard() throws(OverlayError) {
        try alone { () throws(BlockError) in try forget() }
    }

    private func alone(_ work: () throws(BlockError) -> Void) throws(OverlayError) {
        guard gate.close() else { throw .inUse }
        defer { gate.open() }
        do throws(BlockError) { try work() } catch { throw .device(error) }
    }

    /// Calls for each run of clusters that are held, in order.
    private func forEachHeld<Failure: Error>(
        _ body: (BlockRange) throws(Failure) -> Void
    ) throws(Failure) {
        var next: UInt64 = 0
        while next < layout.clusterCount {
            let run = bitmap.run(from: next, to: layout.clusterCount)
            if run.isHeld {
                let (start, end) = layout.bytes(of: next..<run.end)
                try body(BlockRange(offset: start, length: end - start))
            }
            next = run.end
        }
    }

    /// Copies a range from the store; what the store knows to be zero becomes zeros, not data.
    private func copy(
        _ range: BlockRange, to target: any BlockDevice, by buffer: UnsafeMutableRawBufferPointer,
        copied: (UInt64) -> Void
    ) throws(BlockError) {
        var offset = range.offset
        while offset < range.end {
            let start = layout.dataOffset
            let rest = BlockRange(offset: start + offset, length: range.end - offset)
            let extents = try store.extents(in: rest, limit: 64)
            guard !extents.isEmpty else { throw .notSupported("telling how a range is stored") }
            for extent in extents {
                let end = offset + extent.length
                while offset < end {
                    let zeros = extent.readsZero
                    let count = min(end - offset, zeros ? 1 << 30 : UInt64(buffer.count))
                    if zeros {
                        try target.writeZeroes(
                            BlockRange(offset: offset, length: count), options: .mayTrim)
                    } else {
                        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(count)])
                        try store.read(at: start + offset, into: part)
                        try target.write(
                            at: offset, from: UnsafeRawBufferPointer(part), options: [])
                    }
                    offset += count
                    copied(count)
                }
            }
        }
    }

    /// Empties the map, durably, and gives the space back.
    private func forget() throws(BlockError) {
        do throws(BlockError) {
            try store.writeZeroes(Self.bitmapRange(layout), options: .mayTrim)
            try store.flush()
        } catch {
            // What is in the store now is not known; the next flush writes all of it again.
            bitmap.putBack(0..<bitmap.pageCount)
            throw error
        }
        bitmap.clear()
        if store.can(.trim) {
            try store.trim(BlockRange(offset: layout.dataOffset, length: size), options: [])
        }
    }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        var extents: [BlockExtent] = []
        var offset = range.offset
        while offset < range.end && extents.count < max(1, limit) {
            let rest = BlockRange(offset: offset, length: range.end - offset)
            let clusters = layout.clusters(of: rest)
            let run = bitmap.run(from: clusters.lowerBound, to: clusters.upperBound)
            let end = min(range.end, run.end << UInt64(layout.clusterBits))
            let source: any BlockDevice = run.isHeld ? store : base
            let part = BlockRange(
                offset: run.isHeld ? layout.dataOffset + offset : offset, length: end - offset)
            let found = try source.extents(in: part, limit: max(1, limit) - extents.count)
            guard !found.isEmpty else { break }
            for extent in found {
                BlockExtent.append(extent, to: &extents)
                offset += extent.length
            }
        }
        return extents
    }
}
