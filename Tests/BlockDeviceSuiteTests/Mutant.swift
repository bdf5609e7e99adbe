import BlockDevice
import BlockDevices
import Glibc

/// A device with one fault, to see whether the suite finds it.
final class Mutant: BlockDevice {
    /// What is wrong with it.
    enum Fault: String, CaseIterable, Sendable {
        case lastByteLost, writeElsewhere, zerosNotZero, zerosPastEnd, fastZerosRefused
        case trimNotZero, boundsUnchecked, emptyWritesAByte, staleImmediateRead
        case extentsTooLong, extentsStopShort, holeOverData, flushDoesNothing, forcedNotForced
        case sizeNotTold, writeInHalves, readModifyWrite, readOnlyThatWrites
    }

    let base: MemoryDevice
    let fault: Fault
    let flushes: Bool

    init(_ base: MemoryDevice, _ fault: Fault) {
        self.base = base
        self.fault = fault
        flushes = fault != .flushDoesNothing
    }

    var size: UInt64 { base.size }

    var properties: BlockProperties {
        var properties = base.properties
        if fault == .readOnlyThatWrites {
            properties.capabilities.formIntersection([.extents, .immediateReads])
            properties.trimGranularity = 0
        }
        return properties
    }

    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        if fault == .boundsUnchecked, offset == size, buffer.count == 1 { return }
        try base.read(at: offset, into: buffer)
    }

    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        let isThere = try base.readNow(at: offset, into: buffer)
        if fault == .staleImmediateRead, buffer.count > 100 { buffer[99] ^= 1 }
        return isThere
    }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        var options = options
        switch fault {
        case .lastByteLost where buffer.count > 1:
            try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
            let part = UnsafeRawBufferPointer(rebasing: buffer.dropLast())
            return try base.write(at: offset, from: part, options: options)
        case .writeElsewhere where offset % 4096 == 512 && offset > 4096:
            return try base.write(at: offset - 512, from: buffer, options: options)
        case .emptyWritesAByte where buffer.isEmpty && offset < size:
            return try withByte(offset)
        case .writeInHalves where buffer.count > 512:
            let cut = 700 % buffer.count
            let parts: [Slice<UnsafeRawBufferPointer>] = [buffer[..<cut], buffer[cut...]]
            for part in parts {
                try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
                // A switch of threads between the halves is what is looked for.
                for _ in 0..<20 { sched_yield() }
                try base.write(
                    at: offset + UInt64(part.startIndex),
                    from: UnsafeRawBufferPointer(rebasing: part), options: options)
            }
            return
        case .readModifyWrite: return try rewrite(offset, buffer, options)
        case .forcedNotForced: options.remove(.forceUnitAccess)
        default: break
        }
        try base.write(at: offset, from: buffer, options: options)
    }

    private func withByte(_ offset: UInt64) throws(BlockError) {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        byte[0] = 0xee
        try base.write(at: offset, from: UnsafeRawBufferPointer(byte), options: [])
    }

    /// Writes whole blocks back, and does not keep others away meanwhile.
    private func rewrite(
        _ offset: UInt64, _ buffer: UnsafeRawBufferPointer, _ options: BlockWriteOptions
    ) throws(BlockError) {
        try checkWrite(BlockRange(offset: offset, length: UInt64(buffer.count)))
        let start = offset & ~511
        let end = min(size, (offset + UInt64(buffer.count) + 511) & ~511)
        let block = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(end - start), alignment: 8)
        defer { block.deallocate() }
        try base.read(at: start, into: block)
        for _ in 0..<20 { sched_yield() }
        UnsafeMutableRawBufferPointer(rebasing: block[Int(offset - start)...])
            .copyMemory(from: buffer)
        try base.write(at: start, from: UnsafeRawBufferPointer(block), options: options)
    }

    func flush() throws(BlockError) { if flushes { try base.flush() } }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        if fault != .trimNotZero { try base.trim(range, options: options) }
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        var (range, options) = (range, options)
        switch fault {
        case .fastZerosRefused where options.contains(.onlyIfFast):
            try checkWrite(range)
            throw .notSupported("fast zeros")
        case .zerosNotZero where range.length > 5000:
            try checkWrite(range)
            range.length -= 1
        case .zerosPastEnd where range.length > 0 && range.offset % 4096 != 0:
            try checkWrite(range)
            if range.end < size { range.length += 1 }
        case .forcedNotForced: options.remove(.forceUnitAccess)
        default: break
        }
        try base.writeZeroes(range, options: options)
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        var extents = try base.extents(in: range, limit: limit)
        guard let last = extents.indices.last else { return extents }
        switch fault {
        case .extentsTooLong: extents[last].length += 1
        case .extentsStopShort: return []
        case .holeOverData: return [.hole(range.length)]
        default: break
        }
        return extents
    }

    func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? {
        guard fault != .sizeNotTold else { return base.observeSize { _ in } }
        return base.observeSize(observer)
    }
}
