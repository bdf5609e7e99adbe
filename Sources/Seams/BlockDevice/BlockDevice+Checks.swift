extension BlockDevice {
    /// Throws where a range does not lie within the device.
    public func check(_ range: BlockRange) throws(BlockError) {
        let size = size
        guard range.lies(within: size) else { throw .outOfRange(range, size: size) }
    }

    /// Throws where a range does not lie within the device, or the device cannot be written.
    public func checkWrite(_ range: BlockRange) throws(BlockError) {
        guard can(.write) else { throw .readOnly }
        try check(range)
    }

    /// Writes zeros as data, a piece at a time: what a device does that has no better way.
    public func writeZeroesAsData(
        _ range: BlockRange, options: BlockWriteOptions
    ) throws(BlockError) {
        try checkWrite(range)
        if options.contains(.onlyIfFast) { throw .notSupported("writing zeros fast") }
        let piece = Int(min(range.length, 1 << 20))
        guard piece > 0 else { return }
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: piece, alignment: 4096)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var offset = range.offset
        while offset < range.end {
            let count = Int(min(UInt64(piece), range.end - offset))
            try write(
                at: offset, from: UnsafeRawBufferPointer(rebasing: zeros[..<count]),
                options: options.intersection(.forceUnitAccess))
            offset += UInt64(count)
        }
    }
}
