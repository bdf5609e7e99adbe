import BlockDevice
import SCSIWire

extension LogicalUnit {
    /// READ: the blocks, or their beginning where the initiator takes less.
    func read(_ task: SCSITask, into dataIn: UnsafeMutableRawBufferPointer) throws(Refusal) -> Int {
        let wanted = UnsafeMutableRawBufferPointer(rebasing: dataIn.prefix(task.dataIn))
        guard task.count > 0 else { return 0 }
        // FUA on a read asks for what the medium holds, so the cache goes there first.
        if task.forcesUnitAccess, hasCache { try flush() }
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: false)
        defer { ranges.release(ticket) }
        try read(at: task.address, into: wanted)
        return task.dataIn
    }

    @inline(__always)
    func readNow(
        _ task: SCSITask, into dataIn: UnsafeMutableRawBufferPointer
    ) throws(Refusal) -> Int? {
        guard task.count > 0 else { return 0 }
        if task.forcesUnitAccess, hasCache { return nil }
        guard let ticket = ranges.tryAcquireShared(task.address, count: task.count) else {
            return nil
        }
        defer { ranges.release(ticket) }
        let wanted = UnsafeMutableRawBufferPointer(rebasing: dataIn.prefix(task.dataIn))
        do throws(BlockError) {
            guard try device.readNow(at: task.address << shift, into: wanted) else { return nil }
        } catch {
            throw refusal(error)
        }
        return task.dataIn
    }

    /// WRITE and WRITE ATOMIC: as many bytes as the initiator gave; the rest keeps what it holds.
    ///
    /// So a transport wants it that carries fewer than the command counts (FCP-4, 9.4.2).
    func write(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) {
        let data = given(task, dataOut)
        guard !data.isEmpty else { return }
        let isAtomic = task.shape.command == .writeAtomic
        let ticket = try ranges.acquire(task.address, count: task.count, exclusive: isAtomic)
        defer { ranges.release(ticket) }
        try write(at: task.address, from: data, forced: task.forcesUnitAccess)
    }

    @inline(__always)
    func writeNow(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) throws(Refusal) -> Int? {
        guard dataOut.count == task.dataOut else { return nil }
        guard task.count > 0 else { return 0 }
        let gate = gate
        guard !task.forcesUnitAccess, !gate.contains(.writeThrough),
            device.can(.immediateWrites)
        else { return nil }
        guard let ticket = ranges.tryAcquireShared(task.address, count: task.count) else {
            return nil
        }
        defer { ranges.release(ticket) }
        do throws(BlockError) {
            return try device.writeNow(at: task.address << shift, from: dataOut) ? 0 : nil
        } catch {
            throw refusal(error, .writeError)
        }
    }

    /// The bytes that came, at most what the command counts.
    func given(_ task: SCSITask, _ dataOut: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: dataOut.prefix(task.dataOut))
    }

    /// Reads from a block on; the range is held by the caller.
    func read(
        at address: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Refusal) {
        try readBytes(at: address << shift, into: buffer)
    }

    /// Reads from a byte on.
    func readBytes(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Refusal) {
        guard !buffer.isEmpty else { return }
        do throws(BlockError) {
            try device.read(at: offset, into: buffer)
        } catch {
            throw refusal(error)
        }
    }

    /// Writes from a block on; the range is held by the caller.
    func write(
        at address: UInt64, from buffer: UnsafeRawBufferPointer, forced: Bool
    ) throws(Refusal) {
        try writeBytes(at: address << shift, from: buffer, forced: forced)
    }

    /// Writes from a byte on.
    func writeBytes(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, forced: Bool = false
    ) throws(Refusal) {
        do throws(BlockError) {
            try device.write(at: offset, from: buffer, options: options(forced: forced))
        } catch {
            throw refusal(error, .writeError)
        }
    }

    /// Makes everything durable.
    func flush() throws(Refusal) {
        do throws(BlockError) {
            try device.flush()
        } catch {
            throw refusal(error, .writeError)
        }
    }

    /// How a change is made: durable at once where the command or the mode page asks for it.
    func options(forced: Bool) -> BlockWriteOptions {
        forced || gate.contains(.writeThrough) ? .forceUnitAccess : []
    }

    /// Sense data of a device's failure.
    ///
    /// `what` is the condition of a medium's failure: reading or writing.
    func refusal(_ error: BlockError, _ what: SCSICondition = .unrecoveredRead) -> Refusal {
        switch error {
        case .outOfRange: .illegal(.lbaOutOfRange)
        case .readOnly: .check(.dataProtect, .writeProtected)
        case .notSupported: .check(.hardware, .internalTargetFailure)
        case .noSpace: .check(.dataProtect, .spaceAllocationFailed)
        case .medium(let range, _):
            .check(SCSISense(.medium, what, information: range.offset >> shift))
        case .gone: .check(.hardware, .internalTargetFailure)
        }
    }
}

extension SCSITask {
    /// FUA.
    @inline(__always)
    var forcesUnitAccess: Bool { shape.form != .six && block[1] & 0x08 != 0 }
}
