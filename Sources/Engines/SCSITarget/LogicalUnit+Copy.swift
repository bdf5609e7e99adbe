import SCSIWire
import Synchronization

/// What copies came to, for RECEIVE COPY RESULTS with COPY STATUS (SPC-4, 6.19).
struct CopyResults: Sendable {
    /// Most results that are kept.
    static let limit = 32

    /// The end of one copy.
    struct Result: Sendable {
        var nexusID: UInt64
        var identifier: UInt8
        var hasFailed: Bool
        var segments: UInt16
        /// Bytes that were written.
        var bytes: UInt64
    }

    private(set) var results: [Result] = []

    mutating func keep(_ result: Result) {
        results.removeAll {
            $0.nexusID == result.nexusID && $0.identifier == result.identifier
        }
        if results.count >= CopyResults.limit { results.removeFirst() }
        results.append(result)
    }

    func find(_ identifier: UInt8, of nexusID: UInt64) -> Result? {
        results.last { $0.nexusID == nexusID && $0.identifier == identifier }
    }
}

extension LogicalUnit {
    /// EXTENDED COPY(LID1) (SPC-4, 6.3): from a unit of this target to another or the same.
    func extendedCopy(
        _ task: SCSITask, _ link: Link, _ target: SCSITarget, _ dataOut: UnsafeRawBufferPointer
    ) throws(Refusal) {
        guard task.dataOut > 0 else { return }
        guard dataOut.count == task.dataOut else { throw .illegal(.parameterListLength) }
        let list: SCSICopyList
        do throws(SCSISense) {
            list = try SCSICopyList(dataOut)
        } catch {
            throw .check(error)
        }
        var result = CopyResults.Result(
            nexusID: link.nexusID, identifier: list.identifier, hasFailed: true, segments: 0,
            bytes: 0)
        defer { if list.keepsResult { change { $0.copies.keep(result) } } }
        let units = target.state.withLock { $0.units }
        for segment in list.segments {
            result.bytes += try copy(segment, list, units, link)
            result.segments += 1
        }
        result.hasFailed = false
    }

    private func copy(
        _ segment: SCSICopyList.Segment, _ list: SCSICopyList, _ units: [LogicalUnit],
        _ link: Link
    ) throws(Refusal) -> UInt64 {
        let source = try find(segment.source, list, units)
        let destination = try find(segment.destination, list, units)
        let size = (segment.countsDestination ? destination : source).shift
        let length = segment.blocks.map { $0 << size } ?? segment.bytes
        guard length <= UInt64(SCSICopyList.segmentBytes) else {
            throw .check(.copyAborted, .none)
        }
        let from = try source.place(
            segment.sourceAddress, segment.sourceOffset, length, link, [.needsMedium, .reads])
        let to = try destination.place(
            segment.destinationAddress, segment.destinationOffset, length, link,
            [.needsMedium, .changes, .changesMedium])
        guard length > 0 else { return 0 }
        try destination.copy(from: source, at: from, to: to, length)
        return length
    }

    private func find(
        _ index: Int, _ list: SCSICopyList, _ units: [LogicalUnit]
    ) throws(Refusal) -> LogicalUnit {
        guard index < list.targets.count else {
            throw .check(.copyAborted, .unreachableCopyTarget)
        }
        let name = list.targets[index]
        guard let unit = units.first(where: { $0.isNamed(name) }) else {
            throw .check(.copyAborted, .copyTargetNotReachable)
        }
        guard name.blockSize == 0 || name.blockSize == UInt32(unit.blockSize) else {
            throw .check(.copyAborted, .copyTargetNotReachable)
        }
        return unit
    }

    private func isNamed(_ name: SCSICopyList.Target) -> Bool {
        let mine: [SCSIDesignator] = [
            .local(identity.number), .vendor(configuration.vendor, identity.serial),
        ]
        return mine.contains {
            $0.type == name.type && $0.codeSet == name.codeSet
                && $0.content.prefix(20) == name.content[...]
        }
    }

    /// The first byte of a copy's end on this unit, which must be there, ready and free for the
    /// initiator.
    private func place(
        _ address: UInt64, _ offset: UInt64, _ length: UInt64, _ link: Link, _ traits: SCSITraits
    ) throws(Refusal) -> UInt64 {
        let isAllowed = state.withLock { state in
            (state.reserver == nil || state.reserver == link.nexusID)
                && state.reservations.allows(link.name, traits) && !state.isEjected
                && state.sanitize == .idle
        }
        guard isAllowed else { throw .check(.copyAborted, .copyTargetNotReachable) }
        if traits.contains(.changesMedium), gate.contains(.writeProtected) {
            throw writeProtection
        }
        // Read once: the disk may be resized meanwhile.
        let blocks = blocks
        let size = blocks << shift
        guard address < blocks, offset <= size - address << shift,
            length <= size - address << shift - offset
        else { throw .check(.copyAborted, .none) }
        return address << shift + offset
    }

    /// Copies bytes in pieces; where both ends are one unit, the later piece is copied first where
    /// that keeps the source from being overwritten.
    private func copy(
        from source: LogicalUnit, at from: UInt64, to: UInt64, _ length: UInt64
    ) throws(Refusal) {
        let size = UInt64(LogicalUnit.pieceSize)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(length, size)), alignment: 4096)
        defer { buffer.deallocate() }
        let isBackward = source === self && to > from && to - from < length
        let pieces = (length + size - 1) / size
        for index in 0..<pieces {
            let start = (isBackward ? pieces - 1 - index : index) * size
            let count = min(size, length - start)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(count)))
            try source.transfer(from + start, count) { () throws(Refusal) in
                try source.readBytes(at: from + start, into: piece)
            }
            try transfer(to + start, count) { () throws(Refusal) in
                try self.writeBytes(at: to + start, from: UnsafeRawBufferPointer(piece))
            }
        }
    }

    private func transfer(
        _ offset: UInt64, _ count: UInt64, _ body: () throws(Refusal) -> Void
    ) throws(Refusal) {
        let first = offset >> shift
        let end = (offset + count + UInt64(blockSize) - 1) >> shift
        let ticket = try ranges.acquire(first, count: end - first, exclusive: false)
        defer { ranges.release(ticket) }
        try body()
    }

    /// RECEIVE COPY RESULTS with COPY STATUS.
    func copyStatus(_ task: SCSITask, _ link: Link) throws(Refusal) -> [UInt8] {
        let found = state.withLock { $0.copies.find(task.block[2], of: link.nexusID) }
        guard let found else { throw .field(2, bit: 7) }
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(8))
        // Ended without or with errors; then segments, and bytes in units of 1.
        bytes.append(found.hasFailed ? 0x02 : 0x01)
        bytes.append(big: found.segments)
        let isLarge = found.bytes > UInt64(UInt32.max)
        bytes.append(isLarge ? 0x01 : 0x00)
        bytes.append(big: UInt32(clamping: isLarge ? found.bytes >> 10 : found.bytes))
        return bytes
    }

    /// RECEIVE COPY RESULTS with OPERATING PARAMETERS.
    func copyParameters() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 44)
        let codes = SCSICopyList.descriptorCodes
        bytes.put(UInt32(bytes.count - 4 + codes.count), at: 0)
        // SNLID: a list identifier of 0 is as good as any.
        bytes[4] = 0x01
        bytes.put(UInt16(SCSICopyList.targetLimit), at: 8)
        bytes.put(UInt16(SCSICopyList.segmentLimit), at: 10)
        bytes.put(UInt32(SCSICopyList.descriptorLimit), at: 12)
        bytes.put(SCSICopyList.segmentBytes, at: 16)
        bytes.put(UInt16(1), at: 34)
        bytes[36] = 1
        bytes[37] = UInt8(shift)
        bytes[43] = UInt8(codes.count)
        return bytes + codes
    }
}
