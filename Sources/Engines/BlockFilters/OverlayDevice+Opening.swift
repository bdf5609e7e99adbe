import BlockDevice

extension OverlayDevice {
    /// Reads a store's header and bitmap, or writes them where there is nothing.
    static func open(
        _ store: any BlockDevice, size: UInt64
    ) throws(OverlayError) -> (layout: OverlayLayout, bitmap: OverlayBitmap) {
        guard size > 0, size <= OverlayLayout.sizeLimit else { throw .diskSize(size) }
        let fresh = OverlayLayout(size: size)
        guard store.size >= UInt64(OverlayLayout.headerLength) else {
            throw .storeTooSmall(store.size, needed: fresh.storeSize)
        }
        do {
            let header = try read(store, at: 0, count: OverlayLayout.headerLength)
            if header.allSatisfy({ $0 == 0 }) {
                guard store.size >= fresh.storeSize else {
                    throw OverlayError.storeTooSmall(store.size, needed: fresh.storeSize)
                }
                return (fresh, try make(fresh, in: store))
            }
            let layout = try OverlayLayout(header: header)
            guard layout.size == size else {
                throw OverlayError.otherDisk(size: layout.size, expected: size)
            }
            guard store.size >= layout.storeSize else {
                throw OverlayError.storeTooSmall(store.size, needed: layout.storeSize)
            }
            return (layout, try load(layout, from: store))
        } catch let error as OverlayError {
            throw error
        } catch let error as BlockError {
            throw .device(error)
        } catch OverlayLayout.Invalid.field(let name) {
            throw .damaged("header's field \(name)")
        } catch { throw .foreign }
    }

    /// Makes an empty overlay; the header comes last, so that there is a whole one or none.
    private static func make(
        _ layout: OverlayLayout, in store: any BlockDevice
    ) throws(BlockError) -> OverlayBitmap {
        // A header of zeros says nothing about what follows it.
        try store.writeZeroes(bitmapRange(layout), options: .mayTrim)
        try store.flush()
        let header = layout.header
        do {
            try header.withUnsafeBytes { try store.write(at: 0, from: $0, options: []) }
        } catch let error as BlockError { throw error } catch {}
        try store.flush()
        return OverlayBitmap(count: layout.clusterCount)
    }

    private static func load(
        _ layout: OverlayLayout, from store: any BlockDevice
    ) throws -> OverlayBitmap {
        let bitmap = OverlayBitmap(count: layout.clusterCount)
        let size = OverlayBitmap.pageSize
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * size, alignment: size)
        defer { buffer.deallocate() }
        for first in stride(from: 0, to: bitmap.pageCount, by: 256) {
            let count = min(256, bitmap.pageCount - first)
            let place = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(count * size)])
            try store.read(at: layout.bitmapOffset + UInt64(first * size), into: place)
            for index in 0..<count {
                let page = UnsafeRawBufferPointer(
                    rebasing: place[index * size..<(index + 1) * size])
                guard bitmap.load(first + index, from: page) else {
                    throw OverlayError.damaged("bitmap")
                }
            }
        }
        return bitmap
    }

    private static func read(
        _ store: any BlockDevice, at offset: UInt64, count: Int
    ) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try store.read(at: offset, into: $0) }
        return bytes
    }

    /// Where a bitmap is in its store.
    static func bitmapRange(_ layout: OverlayLayout) -> BlockRange {
        BlockRange(
            offset: layout.bitmapOffset, length: layout.dataOffset - layout.bitmapOffset)
    }
}
