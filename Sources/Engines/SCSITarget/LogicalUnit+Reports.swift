import BlockDevice
import SCSIWire

extension LogicalUnit {
    /// Commands that depend on what the unit is.
    enum Feature {
        case unmap, writeAtomic, sanitizeOverwrite, sanitizeBlockErase
    }

    /// Whether the unit offers something that not every unit does.
    func supports(_ feature: Feature) -> Bool {
        switch feature {
        case .unmap: isThin
        case .writeAtomic: configuration.atomicLimit > 0
        case .sanitizeOverwrite: configuration.allowsSanitize && isWritable
        case .sanitizeBlockErase: configuration.allowsSanitize && isThin
        }
    }

    /// Whether the unit offers a command.
    func supports(_ row: SCSICommandDescription) -> Bool {
        switch row.shape.command {
        case .unmap: supports(.unmap)
        case .writeAtomic: supports(.writeAtomic)
        case .sanitize:
            switch SCSISanitizeService(rawValue: UInt8(truncatingIfNeeded: row.serviceAction ?? 0))
            {
            case .overwrite, .exitFailureMode: supports(.sanitizeOverwrite)
            case .blockErase: supports(.sanitizeBlockErase)
            // Nothing is encrypted here, so no key can be thrown away.
            case .cryptographicErase, nil: false
            }
        default: true
        }
    }

    /// REPORT SUPPORTED OPERATION CODES (SPC-4, 6.35).
    func reportOperationCodes(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        let timeouts = task.block[2] & 0x80 != 0
        let opcode = task.block[3]
        let action = task.block.word(at: 4)
        switch task.block[2] & 0x07 {
        case 0:
            return SCSICommandReport.all(
                SCSICommandTable.all.filter(supports), timeouts: timeouts)
        case 1:
            if SCSICommandTable.hasActions(opcode: opcode) == true { throw .field(2, bit: 2) }
            return one(opcode, nil, timeouts)
        case 2:
            if SCSICommandTable.hasActions(opcode: opcode) == false { throw .field(2, bit: 2) }
            return one(opcode, action, timeouts)
        case 3:
            let hasActions = SCSICommandTable.hasActions(opcode: opcode) == true
            return one(opcode, hasActions ? action : nil, timeouts)
        default: throw .field(2, bit: 2)
        }
    }

    private func one(_ opcode: UInt8, _ action: UInt16?, _ timeouts: Bool) -> [UInt8] {
        let row = SCSICommandTable.find(opcode: opcode, action: action)
        return SCSICommandReport.one(row.flatMap { supports($0) ? $0 : nil }, timeouts: timeouts)
    }

    /// REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4, 6.36): those of iSCSI.
    func reportTaskManagement(_ task: SCSITask) -> [UInt8] {
        // ATS, ATSS, CTSS, LURS, TRS; no ACA, no wake up; then the extended form's length.
        let isLong = task.block[2] & 0x80 != 0
        return isLong ? [0xDA, 0, 0, 0x0C] + [UInt8](repeating: 0, count: 12) : [0xDA, 0, 0, 0]
    }

    /// REPORT TARGET PORT GROUPS (SPC-4, 6.37): one group of one port, active and optimized.
    func reportPortGroups(_ task: SCSITask, _ target: SCSITarget) -> [UInt8] {
        var group: [UInt8] = [0x00, 0x01]
        group.append(big: target.portalGroup)
        group += [0, 0, 0, 1, 0, 0]
        group.append(big: target.portalGroup)
        let isExtended = task.block[1] >> 5 == 1
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(group.count + (isExtended ? 4 : 0)))
        // The extended header: format 1, no transition takes any time.
        if isExtended { bytes += [0x10, 0, 0, 0] }
        return bytes + group
    }

    /// GET LBA STATUS (SBC-3, 5.5): how blocks are stored, from the one that is asked for on.
    func blockStatus(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        let first = task.block.quad(at: 2)
        let end = blocks
        guard first < end else { throw .illegal(.lbaOutOfRange) }
        let room = max(1, (min(task.dataIn, LogicalUnit.statusLimit) - 8) / 16)
        var list = SCSIBlockStatusList()
        var place = first
        var calls = 0
        while place < end, list.descriptors.count <= room, calls < LogicalUnit.statusCalls {
            calls += 1
            let range = BlockRange(offset: place << shift, length: (end - place) << shift)
            let extents = try extents(in: range)
            let before = place
            var offset = place << shift
            for extent in extents {
                // A block counts as mapped when any of its bytes is stored.
                let isMapped = extent.isAllocated || !isThin
                offset += extent.length
                let border = isMapped ? (offset + UInt64(blockSize) - 1) >> shift : offset >> shift
                guard border > place else { continue }
                list.append(place, count: min(border, end) - place, isMapped: isMapped)
                place = min(border, end)
            }
            // An extent within one block, not stored: the block counts as mapped.
            if place == before {
                list.append(place, count: 1, isMapped: true)
                place += 1
            }
        }
        return list.encoded(limit: room)
    }

    /// Most bytes of one answer.
    private static let statusLimit = 8 + 16 * 256
    /// Most questions to the device for one answer: it may end before the disk does.
    private static let statusCalls = 64

    private func extents(in range: BlockRange) throws(Refusal) -> [BlockExtent] {
        guard device.can(.extents) else { return [.data(range.length)] }
        do throws(BlockError) {
            return try device.extents(in: range, limit: 256)
        } catch {
            throw refusal(error)
        }
    }
}
