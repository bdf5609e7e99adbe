import SCSIWire

extension SCSITarget {
    /// Takes a command apart, and checks what a unit checks when a command comes in: unit
    /// attentions, reservations, the fields of the command block, the range of blocks.
    ///
    /// Never blocks. A command that may be carried out costs no allocation.
    @inline(__always)
    public func prepare(_ request: SCSIRequest, nexus: SCSINexus) -> SCSITask {
        guard let link = nexus.link(request.lun) else { return absent(request.block) }
        return link.unit.prepare(request, link)
    }

    /// Carries a command out; may block.
    ///
    /// `dataOut` has the bytes that the initiator gave, at most `task.dataOut`; what was not given
    /// is not written. `dataIn` takes the answer as far as it is long.
    public func perform(
        _ task: SCSITask, dataOut: UnsafeRawBufferPointer, dataIn: UnsafeMutableRawBufferPointer
    ) -> SCSIOutcome {
        if let refusal = task.refusal { return refuse(refusal, task) }
        do throws(Refusal) {
            guard let link = task.link else { return try performAbsent(task, dataIn) }
            let count = try link.unit.perform(task, link, self, dataOut: dataOut, dataIn: dataIn)
            return SCSIOutcome(status: SCSIStatus.good, dataIn: count)
        } catch {
            return refuse(error, task)
        }
    }

    /// Carries a command out where that needs no waiting; nil where it would, and then nothing has
    /// been done.
    ///
    /// `dataOut` is as in `perform`; without it no command that wants data is carried out.
    @inline(__always)
    public func performNow(
        _ task: SCSITask,
        dataOut: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        dataIn: UnsafeMutableRawBufferPointer
    ) -> SCSIOutcome? {
        if let refusal = task.refusal { return refuse(refusal, task) }
        do throws(Refusal) {
            guard let link = task.link else { return try performAbsent(task, dataIn) }
            guard
                let count = try link.unit.performNow(
                    task, link, self, dataOut: dataOut, dataIn: dataIn)
            else { return nil }
            return SCSIOutcome(status: SCSIStatus.good, dataIn: count)
        } catch {
            return refuse(error, task)
        }
    }

    private func refuse(_ refusal: Refusal, _ task: SCSITask) -> SCSIOutcome {
        refusal.outcome(
            descriptors: task.link?.unit.gate.contains(.descriptorSense) ?? false)
    }

    /// Commands to a number that no unit has (SPC-4, 4.5.4 and 6.6.2, SAM-5 5.11).
    private func absent(_ block: SCSICommandBlock) -> SCSITask {
        var task = SCSITask(block: block, link: nil)
        do throws(SCSISense) {
            task.shape = try SCSICommandTable.shape(of: block)
        } catch {
            task.refusal = .illegal(.unitNotSupported)
            return task
        }
        switch task.shape.command {
        case .inquiry, .reportLUNs, .requestSense:
            task.dataIn = min(allocation(of: task), SCSITarget.responseLimit)
        default: task.refusal = .illegal(.unitNotSupported)
        }
        return task
    }

    private func performAbsent(
        _ task: SCSITask, _ dataIn: UnsafeMutableRawBufferPointer
    ) throws(Refusal) -> SCSIOutcome {
        let answer: [UInt8]
        switch task.shape.command {
        case .reportLUNs: answer = try reportUnits(task)
        case .requestSense:
            answer = SCSISense.illegal(.unitNotSupported)
                .encoded(descriptors: task.block[1] & 1 != 0)
        default:
            guard task.block[1] & 1 == 0 else { throw .illegal(.unitNotSupported) }
            answer = SCSIInquiry(vendor: "", product: "", revision: "", isRemovable: false)
                .encoded(exists: false)
        }
        let count = answer.deliver(into: dataIn, limit: task.dataIn)
        return SCSIOutcome(status: SCSIStatus.good, dataIn: count)
    }

    /// REPORT LUNS (SPC-4, 6.33): select 0 and 2 tell all units, 1 the well-known ones: none.
    func reportUnits(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        let units: [UInt64]
        switch task.block[2] {
        case 0x00, 0x02: units = logicalUnits
        case 0x01: units = []
        default: throw .field(2, bit: 7)
        }
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(units.count * 8))
        bytes.append(big: UInt32(0))
        for unit in units { bytes.append(big: unit) }
        return bytes
    }

    private func allocation(of task: SCSITask) -> Int {
        switch task.shape.command {
        case .inquiry: Int(task.block.word(at: 3))
        case .reportLUNs: Int(task.block.long(at: 6))
        default: Int(task.block[4])
        }
    }
}

extension [UInt8] {
    /// Stores as much as fits, and tells how much there is within the allocation length.
    func deliver(into buffer: UnsafeMutableRawBufferPointer, limit: Int) -> Int {
        let count = Swift.min(self.count, limit)
        buffer.copyBytes(from: prefix(Swift.min(count, buffer.count)))
        return count
    }
}
