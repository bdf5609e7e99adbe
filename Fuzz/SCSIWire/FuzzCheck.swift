import SCSIWire
import Synchronization

/// What was so before a command, and must be so after it.
struct FuzzCheck {
    private let command: FuzzCommand
    private let changes: [Int]
    /// For each disk whether this command must leave it as it is.
    private let isProtected: [Bool]

    init(_ unit: FuzzUnit, _ command: FuzzCommand) {
        self.command = command
        changes = unit.devices.map { $0.state.withLock { $0.changes } }
        let units = unit.target.state.withLock { $0.units }
        isProtected = units.map { FuzzCheck.isProtected($0, from: command) }
        for device in unit.devices { device.state.withLock { $0.wasOutside = false } }
    }

    /// The rules once more, in other words than the target's own.
    private static func isProtected(_ unit: LogicalUnit, from command: FuzzCommand) -> Bool {
        unit.state.withLock { state in
            if unit.configuration.isReadOnly || state.settings.writeProtect { return true }
            if state.isEjected { return true }
            if state.sanitize != .idle, command.block.first != 0x48 { return true }
            if let reserver = state.reserver, reserver != command.nexus.id { return true }
            guard let holder = state.reservations.holder else { return false }
            let name = command.nexus.name
            let isRegistered = state.reservations.registrations.contains { $0.name == name }
            switch holder.kind {
            case .writeExclusive, .exclusiveAccess: return holder.name != name
            default: return !isRegistered
            }
        }
    }

    /// `isFresh` says that nothing happened between the command's coming in and its carrying out.
    func end(_ unit: FuzzUnit, _ answer: FuzzCommand.Answer, isFresh: Bool) {
        guard let task = command.task else { return }
        checkOutcome(answer.outcome, task)
        let after = unit.devices.map { $0.state.withLock { ($0.changes, $0.wasOutside) } }
        for index in unit.devices.indices {
            let hasChanged = after[index].0 != changes[index]
            if task.isRefused, hasChanged { preconditionFailure("refused, yet something changed") }
            guard isFresh else { continue }
            if after[index].1 { preconditionFailure("blocks outside of the disk") }
            if hasChanged, isProtected[index] { preconditionFailure("a protected disk changed") }
        }
        for unit in unit.target.state.withLock({ $0.units }) { checkReservations(unit) }
        guard isFresh, !task.isRefused, answer.outcome.status == SCSIStatus.good,
            let logical = task.link?.unit, let device = logical.device as? FuzzDevice
        else { return }
        let content = device.state.withLock { $0.bytes }
        checkContent(task, answer, content, logical)
    }

    private func checkOutcome(_ outcome: SCSIOutcome, _ task: SCSITask) {
        // Nobody else is there whom a command could wait for, so none is BUSY.
        guard [0, 0x02, 0x18].contains(outcome.status), outcome.dataIn >= 0,
            outcome.dataIn <= task.dataIn, outcome.status == 0 || outcome.dataIn == 0,
            (outcome.status == 0x02) != outcome.sense.isEmpty
        else { preconditionFailure("no such outcome") }
        guard let first = outcome.sense.first else { return }
        let isWhole =
            switch first & 0x7F {
            case 0x70: outcome.sense.count == 18
            case 0x72:
                outcome.sense.count <= 28 && outcome.sense.count == 8 + Int(outcome.sense[7])
            default: false
            }
        guard isWhole else { preconditionFailure("no sense data") }
    }

    private func checkReservations(_ unit: LogicalUnit) {
        let (reservations, copies) = unit.state.withLock { ($0.reservations, $0.copies) }
        let names = Set(reservations.registrations.map(\.name))
        guard names.count == reservations.registrations.count,
            names.count <= PersistentReservations.limit, copies.results.count <= CopyResults.limit,
            reservations.registrations.allSatisfy({ $0.key != 0 })
        else { preconditionFailure("registrations out of bounds") }
        if let holder = reservations.holder {
            let isHeld = holder.name.map(names.contains) ?? holder.kind.isOfAll
            guard isHeld, !names.isEmpty else { preconditionFailure("held by nobody") }
        }
        guard command.block.first == 0x5F else { return }
        let kept = try? ReservationFile.decode(ReservationFile.encode(reservations))
        guard kept?.registrations == reservations.registrations,
            kept?.holder == reservations.holder
        else { preconditionFailure("reservations are not kept as they are") }
    }

    private func checkContent(
        _ task: SCSITask, _ answer: FuzzCommand.Answer, _ content: [UInt8], _ unit: LogicalUnit
    ) {
        let start = Int(task.address) * unit.blockSize
        switch task.shape.command {
        case .read:
            guard answer.outcome.dataIn == Int(task.count) * unit.blockSize,
                content.dropFirst(start).starts(with: answer.data)
            else { preconditionFailure("other data than the disk's") }
        case .write, .writeAtomic, .writeAndVerify:
            guard content.dropFirst(start).starts(with: answer.given) else {
                preconditionFailure("other data than was written")
            }
        case .getLBAStatus: checkStatus(answer.data, content, unit, Int(task.block.quad(at: 2)))
        case .inquiry where task.block[1] & 1 != 0 && answer.data.count >= 4:
            let length = Int(answer.data[2]) << 8 | Int(answer.data[3])
            guard length + 4 == answer.outcome.dataIn || answer.outcome.dataIn == task.dataIn
            else { preconditionFailure("a page of another length") }
        default: break
        }
    }

    /// Descriptors follow each other, and blocks that are not stored read as zeros.
    private func checkStatus(
        _ data: [UInt8], _ content: [UInt8], _ unit: LogicalUnit, _ first: Int
    ) {
        var expected = UInt64(first)
        data.withUnsafeBytes { bytes in
            for place in stride(from: 8, to: bytes.count - 15, by: 16) {
                let address = bytes.quad(at: place)
                let count = UInt64(bytes.long(at: place + 8))
                guard address == expected, count > 0, count <= unit.blocks - address else {
                    preconditionFailure("blocks are left out, told twice or made up")
                }
                expected = address + count
                guard bytes[place + 12] & 0x0F != 0 else { continue }
                let part = content[
                    Int(address) * unit.blockSize..<Int(expected) * unit.blockSize]
                guard part.allSatisfy({ $0 == 0 }) else {
                    preconditionFailure("blocks with content are said not to be stored")
                }
            }
        }
    }
}
