import BlockDevice
import SCSIWire

extension LogicalUnit {
    /// Most blocks that WRITE SAME writes: a bound on how long it takes.
    static let writeSameLimit: UInt64 = 0x8000

    func sizeWriteSame(_ task: inout SCSITask, _ expectedOut: Int) throws(Refusal) {
        let isLong = task.shape.form == .sixteen
        let flags = task.block[1]
        // ANCHOR needs anchored blocks, which are not offered.
        if flags & 0x10 != 0 { throw .field(1, bit: 4) }
        if flags & 0x08 != 0, !isThin { throw .field(1, bit: 3) }
        if task.count == 0 { task.count = blocks - min(blocks, task.address) }
        guard task.count <= LogicalUnit.writeSameLimit else {
            throw .field(isLong ? 10 : 7, bit: 7)
        }
        guard !task.hasNoData else { return }
        guard expectedOut == blockSize else { throw .illegal(.invalidFieldInUnit) }
        task.dataOut = blockSize
    }

    /// WRITE SAME (SBC-3, 5.40 and 5.41): one block over and over.
    ///
    /// With UNMAP blocks are taken away and read as zeros, whatever the data was: so do the targets
    /// that initiators know, and libiscsi's suite asks for it.
    func writeSame(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        guard task.count > 0 else { return }
        guard task.hasNoData || dataOut.count == blockSize else {
            throw .illegal(.invalidFieldInUnit)
        }
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: false)
        defer { ranges.release(ticket) }
        let unmaps = task.block[1] & 0x08 != 0
        if unmaps || task.hasNoData || dataOut.isZero {
            try zero(task.address, task.count, mayTrim: unmaps)
        } else {
            try fill(task.address, task.count, with: dataOut, forced: false)
        }
    }

    /// Makes blocks read as zeros.
    func zero(_ address: UInt64, _ count: UInt64, mayTrim: Bool) throws(Refusal) {
        var options = options(forced: false)
        if mayTrim { options.insert(.mayTrim) }
        let range = BlockRange(offset: address << shift, length: count << shift)
        do throws(BlockError) {
            try device.writeZeroes(range, options: options)
        } catch {
            throw refusal(error, .writeError)
        }
    }

    /// Writes a pattern over and over, from the first byte of a block on; `progress` is told after
    /// each piece how many blocks are done.
    func fill(
        _ address: UInt64, _ count: UInt64, with pattern: UnsafeRawBufferPointer, forced: Bool,
        progress: ((UInt64) -> Void)? = nil
    ) throws(Refusal) {
        let each = max(1, UInt64(LogicalUnit.pieceSize) >> shift)
        let size = Int(min(count, each) << shift)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        // Every block begins with the pattern's first byte.
        for block in stride(from: 0, to: size, by: blockSize) {
            for index in 0..<blockSize {
                buffer[block + index] = pattern[index % pattern.count]
            }
        }
        var done: UInt64 = 0
        while done < count {
            let blocks = min(each, count - done)
            let piece = UnsafeRawBufferPointer(rebasing: buffer.prefix(Int(blocks << shift)))
            try write(at: address + done, from: piece, forced: forced)
            done += blocks
            progress?(done)
        }
    }

    func sizeUnmap(_ task: inout SCSITask) throws(Refusal) {
        guard isThin else { throw .illegal(.invalidOpcode) }
        if task.block[1] & 0x01 != 0 { throw .field(1, bit: 0) }
        task.dataOut = Int(task.block.word(at: 7))
    }

    /// UNMAP (SBC-3, 5.34): all ranges are checked before any is taken away.
    func unmap(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        guard task.dataOut > 0 else { return }
        guard dataOut.count == task.dataOut else { throw .illegal(.parameterListLength) }
        let list: SCSIUnmapList
        do throws(SCSISense) {
            list = try SCSIUnmapList(dataOut, limit: SCSIUnmapList.descriptorLimit)
        } catch {
            throw .check(error)
        }
        let blocks = blocks
        for range in list.ranges {
            guard range.address <= blocks, range.count <= blocks - range.address else {
                throw .illegal(.lbaOutOfRange)
            }
        }
        for range in list.ranges where range.count > 0 {
            let ticket = try ranges.acquire(range.address, count: range.count, exclusive: false)
            defer { ranges.release(ticket) }
            try zero(range.address, range.count, mayTrim: true)
        }
    }

    /// PRE-FETCH: checked, and nothing done, since the cache is the system's: GOOD says that the
    /// blocks are not known to be in it.
    func prefetch(_ task: SCSITask) throws(Refusal) {}

    /// SYNCHRONIZE CACHE: everything acknowledged is durable when this ends.
    ///
    /// A flush covers every range; IMMED would allow to answer before, and is no reason to.
    func synchronize(_ task: SCSITask) throws(Refusal) { try flush() }
}

extension SCSITask {
    /// NDOB of WRITE SAME(16): there is no data, blocks of zeros are meant.
    var hasNoData: Bool { shape.form == .sixteen && block[1] & 0x01 != 0 }
}
