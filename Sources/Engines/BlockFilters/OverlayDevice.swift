public import BlockDevice
import Platform
import Synchronization

/// A device whose changes go to a store, while the device below stays as it is.
///
/// The store is a device too (a sparse file as a rule) and keeps what was written, and which
/// clusters that is, so that the overlay can be opened again later. `commit` writes the changes
/// into a device, `discard` forgets them. A flush makes the data durable first and then the map of
/// it, so that after a crash a cluster holds either what was flushed or what is below. Reading and
/// overwriting take no lock. Any thread. The disk keeps the size it had when the overlay was made;
/// the device below must not change, and nobody else may use the store.
public final class OverlayDevice: BlockDevice {
    /// See `BlockDevice`.
    public var size: UInt64 { layout.size }
    /// See `BlockDevice`.
    public let properties: BlockProperties

    let base: any BlockDevice
    let store: any BlockDevice
    let layout: OverlayLayout
    let bitmap: OverlayBitmap
    let gate = UseGate()
    private let writers = BlockRangeLock()
    private let flushing = Mutex(())
    /// Pages of the bitmap are on their way to the store.
    private let isStoring = Atomic(false)

    /// How large a store must be for a disk of this size, in bytes; most of it stays a hole.
    public static func storeSize(for size: UInt64) throws(OverlayError) -> UInt64 {
        guard size > 0, size <= OverlayLayout.sizeLimit else { throw .diskSize(size) }
        return OverlayLayout(size: size).storeSize
    }

    /// Opens the overlay that a store holds, or makes an empty one in a store of zeros.
    ///
    /// A store that holds anything else is refused and left alone. Blocks.
    public init(over base: any BlockDevice, in store: any BlockDevice) throws(OverlayError) {
        do throws(BlockError) {
            guard store.can(.write) else { throw .readOnly }
        } catch { throw .device(error) }
        let opened = try Self.open(store, size: base.size)
        layout = opened.layout
        bitmap = opened.bitmap
        self.base = base
        self.store = store
        properties = Self.properties(base.properties, store.properties, opened.layout)
    }

    private static func properties(
        _ base: BlockProperties, _ store: BlockProperties, _ layout: OverlayLayout
    ) -> BlockProperties {
        var capabilities: BlockCapabilities = [.write, .volatileCache]
        capabilities.formUnion(
            base.capabilities.union(store.capabilities)
                .intersection([.immediateReads, .extents]))
        capabilities.formUnion(store.capabilities.intersection([.forceUnitAccess, .fastZeroes]))
        // A trim is kept as zeros, which pays where the store makes holes of them.
        if store.capabilities.isSuperset(of: [.trim, .fastZeroes]) {
            capabilities.formUnion([.trim, .trimmedReadsZero])
        }
        return BlockProperties(
            logicalBlockSize: base.logicalBlockSize,
            physicalBlockSize: max(
                UInt32(layout.clusterSize), base.physicalBlockSize, base.logicalBlockSize),
            optimalTransfer: store.optimalTransfer,
            trimGranularity: capabilities.contains(.trim)
                ? max(store.trimGranularity, UInt32(layout.clusterSize)) : 0,
            parallelism: min(base.parallelism, store.parallelism), capabilities: capabilities)
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        try gate.use(orSay: Self.away) { () throws(BlockError) in
            var done = 0
            while done < buffer.count {
                let part = self.part(at: offset + UInt64(done), limit: buffer.count - done)
                let place = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[done..<done + part.count])
                if part.isHeld {
                    try inStore { () throws(BlockError) in
                        try store.read(at: layout.dataOffset + part.offset, into: place)
                    }
                } else {
                    try base.read(at: part.offset, into: place)
                }
                done += part.count
            }
        }
    }

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        return try gate.use(orSay: Self.away) { () throws(BlockError) in
            var done = 0
            while done < buffer.count {
                let part = self.part(at: offset + UInt64(done), limit: buffer.count - done)
                let source: any BlockDevice = part.isHeld ? store : base
                guard source.can(.immediateReads) else { return false }
                let place = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[done..<done + part.count])
                let start = part.isHeld ? layout.dataOffset : 0
                guard try source.readNow(at: start + part.offset, into: place) else { return false }
                done += part.count
            }
            return true
        }
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try change(range, options) { options throws(BlockError) in
            try store.write(at: layout.dataOffset + offset, from: buffer, options: options)
        }
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        guard can(.trim) else { return }
        try writeZeroes(range, options: options.union(.mayTrim).subtracting(.onlyIfFast))
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try change(range, options) { options throws(BlockError) in
            try store.writeZeroes(inStore(range), options: options)
        }
    }

    /// Does a change in the store, and makes whole what it covers in part.
    private func change(
        _ range: BlockRange, _ options: BlockWriteOptions,
        _ work: (BlockWriteOptions) throws(BlockError) -> Void
    ) throws(BlockError) {
        try checkWrite(range)
        guard range.length > 0 else { return }
        let clusters = layout.clusters(of: range)
        let isDurable = options.contains(.forceUnitAccess)
        try gate.use(orSay: Self.away) { () throws(BlockError) in
            if bitmap.holds(clusters) {
                try inStore { () throws(BlockError) in try work(options) }
            } else {
                // Nobody else may be making one of these clusters whole at the same time.
                try writers.hold(clusters) { () throws(BlockError) in
                    // The flush below covers all of it.
                    try inStore { () throws(BlockError) in
                        try work(options.subtracting(.forceUnitAccess))
                    }
                    try fillEdges(of: clusters, around: range)
                    bitmap.hold(clusters)
                }
            }
            guard isDurable && !isStored(clusters) else { return }
            try persist()
        }
    }

    /// Copies what lies below into the parts of the outer clusters that a change leaves out.
    private func fillEdges(of clusters: Range<UInt64>, around range: BlockRange) throws(BlockError)
    {
        let (start, end) = layout.bytes(of: clusters)
        let last = clusters.upperBound - 1
        if start < range.offset, !bitmap.holds(clusters.lowerBound..<clusters.lowerBound + 1) {
            try copyUp(BlockRange(offset: start, length: range.offset - start))
        }
        if range.end < end, !bitmap.holds(last..<last + 1) {
            try copyUp(BlockRange(offset: range.end, length: end - range.end))
        }
    }

    /// Copies a part of one cluster from below into the store.
    private func copyUp(_ range: BlockRange) throws(BlockError) {
        let piece = Int(min(range.length, 1 << 16))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 4096)
        defer { buffer.deallocate() }
        var offset = range.offset
        while offset < range.end {
            let count = Int(min(UInt64(piece), range.end - offset))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            try base.read(at: offset, into: part)
            let place = layout.dataOffset + offset
            try inStore { () throws(BlockError) in
                try store.write(at: place, from: UnsafeRawBufferPointer(part), options: [])
            }
            offset += UInt64(count)
        }
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        try gate.use(orSay: Self.away) { () throws(BlockError) in try persist() }
    }
}

extension OverlayDevice {
    private static let away = "the overlay is being committed or discarded"
    /// Pages of the bitmap that are stored at a time: a mebibyte.
    private static let pageLimit = 256

    /// The part of a range, from its start, that lies in one place.
    private func part(at offset: UInt64, limit: Int) -> (offset: UInt64, count: Int, isHeld: Bool) {
        let range = BlockRange(offset: offset, length: UInt64(limit))
        let clusters = layout.clusters(of: range)
        let run = bitmap.run(from: clusters.lowerBound, to: clusters.upperBound)
        let end = min(range.end, run.end << UInt64(layout.clusterBits))
        return (offset, Int(end - offset), run.isHeld)
    }

    /// Where a range of the disk is in the store.
    private func inStore(_ range: BlockRange) -> BlockRange {
        BlockRange(offset: layout.dataOffset + range.offset, length: range.length)
    }

    /// Tells errors of the store as errors of the disk.
    func inStore(_ work: () throws(BlockError) -> Void) throws(BlockError) {
        do throws(BlockError) { try work() } catch {
            let start = layout.dataOffset
            throw error.moved { $0 >= start ? $0 - start : 0 }
        }
    }

    /// Whether the store knows of all that is held in these clusters.
    private func isStored(_ clusters: Range<UInt64>) -> Bool {
        // In this order: who stores pages says so first, and puts them back before it says that
        // it has ended, so one of the three shows pages that are not there yet.
        !bitmap.isChanged(clusters) && !isStoring.load(ordering: .sequentiallyConsistent)
            && !bitmap.isChanged(clusters)
    }

    /// Makes data durable, and then the map of it.
    ///
    /// A page of the map is copied before the flush that makes its data durable, so it never names
    /// data that a crash could take.
    private func persist() throws(BlockError) {
        try flushing.withLock { _ throws(BlockError) in
            isStoring.store(true, ordering: .sequentiallyConsistent)
            defer { isStoring.store(false, ordering: .sequentiallyConsistent) }
            var next = 0
            var pages = bitmap.takeChanged(from: next, limit: Self.pageLimit)
            while !pages.isEmpty {
                do throws(BlockError) { try storePages(pages) } catch {
                    bitmap.putBack(pages)
                    throw error
                }
                next = (pages.last ?? 0) + 1
                pages = bitmap.takeChanged(from: next, limit: Self.pageLimit)
            }
            try inStore { () throws(BlockError) in try store.flush() }
        }
    }

    private func storePages(_ pages: [Int]) throws(BlockError) {
        let size = OverlayBitmap.pageSize
        let copies = UnsafeMutableRawBufferPointer.allocate(
            byteCount: pages.count * size, alignment: size)
        defer { copies.deallocate() }
        for (index, page) in pages.enumerated() {
            let copy = copies[index * size..<(index + 1) * size]
            bitmap.copy(page, to: UnsafeMutableRawBufferPointer(rebasing: copy))
        }
        try inStore { () throws(BlockError) in
            try store.flush()
            for (index, page) in pages.enumerated() {
                let copy = UnsafeRawBufferPointer(
                    rebasing: copies[index * size..<(index + 1) * size])
                try store.write(
                    at: layout.bitmapOffset + UInt64(page * size), from: copy, options: [])
            }
        }
    }
}
