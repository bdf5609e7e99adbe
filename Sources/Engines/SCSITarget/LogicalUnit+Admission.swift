import BlockDevice
import SCSIWire
import Synchronization

extension LogicalUnit {
    /// Takes a command apart and decides whether it may be carried out; allocates nothing where it
    /// may.
    @inline(__always)
    func prepare(_ request: SCSIRequest, _ link: Link) -> SCSITask {
        var task = SCSITask(block: request.block, link: link)
        do throws(Refusal) {
            try admit(&task, request.expectedOut)
        } catch {
            task.refusal = error
            task.dataOut = 0
            task.dataIn = 0
        }
        return task
    }

    @inline(__always)
    private func admit(_ task: inout SCSITask, _ expectedOut: Int) throws(Refusal) {
        let block = task.block
        if let link = task.link, link.hasAttention { try reportAttention(link, block) }
        let shape = try LogicalUnit.shape(of: block)
        task.shape = shape
        let gate = gate
        if gate.contains(.reserved), let link = task.link { try checkReservations(task, link) }
        let wrong = block.bits & ~shape.allowed
        if wrong != 0 { throw LogicalUnit.reserved(wrong) }
        if shape.traits.contains(.hasProtection), block[1] & 0xE0 != 0 {
            throw .field(1, bit: 7)
        }
        if gate.contains(.notReady) { try checkReady(task) }
        if shape.traits.contains(.changesMedium), gate.contains(.writeProtected) {
            throw writeProtection
        }
        if shape.form != .none {
            task.address = shape.address(of: block)
            task.count = shape.count(of: block)
            let blocks = blocks
            guard task.address <= blocks, task.count <= blocks - task.address,
                task.address < blocks || blocks == 0
            else { throw .illegal(.lbaOutOfRange) }
        }
        try size(&task, expectedOut)
    }

    @inline(__always)
    private static func shape(of block: SCSICommandBlock) throws(Refusal) -> SCSICommandShape {
        do throws(SCSISense) {
            return try SCSICommandTable.shape(of: block)
        } catch {
            throw .check(error)
        }
    }

    /// A reserved bit was set: points at the highest.
    private static func reserved(_ wrong: UInt128) -> Refusal {
        let first = wrong.leadingZeroBitCount
        return .field(first / 8, bit: 7 - first % 8)
    }

    private func reportAttention(_ link: Link, _ block: SCSICommandBlock) throws(Refusal) {
        switch block.opcode {
        // REQUEST SENSE, INQUIRY, REPORT LUNS.
        case 0x03, 0x12, 0xA0: return
        default: break
        }
        guard let condition = link.takeAttention() else { return }
        throw .check(.unitAttention, condition)
    }

    /// Why the unit takes no writes.
    var writeProtection: Refusal {
        let isSoftware = state.withLock { $0.settings.writeProtect }
        let isHardware = configuration.isReadOnly || !device.can(.write)
        return .check(
            .dataProtect,
            isHardware || !isSoftware ? .writeProtected : .softwareWriteProtected)
    }

    private func checkReady(_ task: SCSITask) throws(Refusal) {
        let traits = task.shape.traits
        let (isEjected, sanitize) = state.withLock { ($0.isEjected, $0.sanitize) }
        try checkSanitize(sanitize, task)
        guard traits.contains(.needsMedium) || task.shape.command == .testUnitReady else { return }
        if isEjected { throw .check(.notReady, .mediumNotPresent) }
    }

    /// How many bytes go each way; also what of that is too much.
    @inline(__always)
    private func size(_ task: inout SCSITask, _ expectedOut: Int) throws(Refusal) {
        switch task.shape.command {
        case .read:
            try checkTransfer(task, blocks: task.count)
            task.dataIn = Int(task.count << shift)
        case .write, .orWrite:
            try checkTransfer(task, blocks: task.count)
            task.dataOut = Int(task.count << shift)
        default: try sizeOthers(&task, expectedOut)
        }
    }

    /// Refuses what is above the limit that the block limits page tells.
    @inline(__always)
    func checkTransfer(_ task: SCSITask, blocks: UInt64) throws(Refusal) {
        guard blocks <= UInt64(configuration.transferLimit) >> shift else {
            throw .field(task.shape.form == .six ? 4 : task.shape.countPlace)
        }
    }
}

extension SCSICommandShape {
    /// The byte where the count begins.
    var countPlace: Int {
        switch form {
        case .none: 0
        case .six: 4
        case .ten: 7
        case .twelve: 6
        case .sixteen: 10
        case .sixteenShort: 13
        case .sixteenWord: 12
        }
    }
}
