import SCSIWire

extension LogicalUnit {
    /// Most bytes that a command reads or writes at a time where the initiator gives no buffer.
    static let pieceSize = 1 << 20

    /// VERIFY (SBC-3, 5.36): reads the blocks, and compares them where BYTCHK says so.
    func verify(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        guard task.count > 0 else { return }
        let data = given(task, dataOut)
        if task.byteCheck == 3, data.count < blockSize { throw .illegal(.invalidFieldInUnit) }
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: false)
        defer { ranges.release(ticket) }
        switch task.byteCheck {
        case 0: try compare(task.address, UInt64(task.count) << shift, with: nil)
        case 1: try compare(task.address, UInt64(data.count), with: .whole(data))
        default:
            let block = UnsafeRawBufferPointer(rebasing: data.prefix(blockSize))
            try compare(task.address, task.count << shift, with: .each(block))
        }
    }

    /// WRITE AND VERIFY: what was written is durable, then read back.
    func writeAndVerify(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        guard task.count > 0 else { return }
        let data = given(task, dataOut)
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: false)
        defer { ranges.release(ticket) }
        try write(at: task.address, from: data, forced: true)
        try compare(
            task.address, UInt64(data.count), with: task.byteCheck == 0 ? nil : .whole(data))
    }

    /// What blocks are compared with.
    enum Pattern {
        /// All bytes, one after another.
        case whole(UnsafeRawBufferPointer)
        /// The same block over and over.
        case each(UnsafeRawBufferPointer)
    }

    /// Reads `length` bytes from a block on in pieces, and compares them; throws MISCOMPARE with
    /// the offset of the first byte that differs.
    func compare(
        _ address: UInt64, _ length: UInt64, with pattern: Pattern?
    ) throws(Refusal) {
        var done: UInt64 = 0
        let size = Int(min(length, UInt64(LogicalUnit.pieceSize)))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        while done < length {
            let count = Int(min(length - done, UInt64(size)))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count))
            try read(at: address + (done >> shift), into: piece)
            if let pattern, let place = difference(piece, pattern, from: Int(done)) {
                throw .check(
                    SCSISense(.miscompare, .miscompare, information: done + UInt64(place)))
            }
            done += UInt64(count)
        }
    }

    private func difference(
        _ piece: UnsafeMutableRawBufferPointer, _ pattern: Pattern, from start: Int
    ) -> Int? {
        let piece = UnsafeRawBufferPointer(piece)
        switch pattern {
        case .whole(let bytes):
            return piece.firstDifference(
                from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + piece.count]))
        case .each(let block):
            var offset = 0
            while offset < piece.count {
                let part = UnsafeRawBufferPointer(
                    rebasing: piece[offset..<min(offset + block.count, piece.count)])
                if let place = part.firstDifference(from: block) { return offset + place }
                offset += block.count
            }
            return nil
        }
    }

    /// COMPARE AND WRITE (SBC-3, 5.2): compares the first half, writes the second, as one.
    func compareAndWrite(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        guard task.count > 0 else { return }
        guard dataOut.count == task.dataOut else { throw .illegal(.invalidFieldInUnit) }
        let half = task.dataOut / 2
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: true)
        defer { ranges.release(ticket) }
        try compare(
            task.address, UInt64(half),
            with: .whole(UnsafeRawBufferPointer(rebasing: dataOut[..<half])))
        try write(
            at: task.address, from: UnsafeRawBufferPointer(rebasing: dataOut[half...]),
            forced: task.forcesUnitAccess)
    }

    /// ORWRITE (SBC-3, 5.9): the union of what is stored and what came, as one.
    func orWrite(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        let data = given(task, dataOut)
        guard !data.isEmpty else { return }
        let size = min(data.count, LogicalUnit.pieceSize)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        defer { buffer.deallocate() }
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: true)
        defer { ranges.release(ticket) }
        var done = 0
        while done < data.count {
            let count = min(data.count - done, size)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count))
            let address = task.address + UInt64(done) >> shift
            try read(at: address, into: piece)
            for index in 0..<count { piece[index] |= data[done + index] }
            try write(
                at: address, from: UnsafeRawBufferPointer(piece),
                forced: task.forcesUnitAccess)
            done += count
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte that differs, within the shorter of the two.
    func firstDifference(from other: UnsafeRawBufferPointer) -> Int? {
        let count = Swift.min(self.count, other.count)
        var index = 0
        while index + 8 <= count {
            let mine = loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let theirs = other.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if mine != theirs {
                return index + (mine ^ theirs).littleEndian.trailingZeroBitCount / 8
            }
            index += 8
        }
        while index < count {
            if self[index] != other[index] { return index }
            index += 1
        }
        return nil
    }

    /// Whether all bytes are zero.
    var isZero: Bool {
        var index = 0
        while index + 8 <= count {
            if loadUnaligned(fromByteOffset: index, as: UInt64.self) != 0 { return false }
            index += 8
        }
        return self[index...].allSatisfy { $0 == 0 }
    }
}
