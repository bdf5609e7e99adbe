import SCSIWire

extension LogicalUnit {
    /// START STOP UNIT (SBC-3, 5.25): ejects and loads a removable medium; nothing spins, so that
    /// starting, stopping and power conditions only make everything durable first.
    func startStop(_ task: SCSITask, _ link: Link) throws(Refusal) {
        let flags = task.block[4]
        let isStart = flags & 0x01 != 0
        let isLoadEject = flags & 0x02 != 0
        let keepsCache = flags & 0x04 != 0
        let hasPowerCondition = flags & 0xF0 != 0
        if !isStart || hasPowerCondition, !keepsCache, isWritable { try flush() }
        guard isLoadEject, !hasPowerCondition else { return }
        guard configuration.isRemovable else { throw .field(4, bit: 1) }
        let (isPrevented, wasChanged) = change { state in
            guard state.preventers.isEmpty else { return (true, false) }
            let wasEjected = state.isEjected
            state.isEjected = !isStart
            return (false, wasEjected != state.isEjected)
        }
        if isPrevented { throw .illegal(.mediumRemovalPrevented) }
        if wasChanged, isStart { attend(.notReadyToReady, except: link.nexusID) }
    }

    /// PREVENT ALLOW MEDIUM REMOVAL (SPC-4, 6.14): each nexus prevents for itself.
    func preventRemoval(_ task: SCSITask, _ link: Link) throws(Refusal) {
        let prevents = task.block[4] & 0x03
        // 2 and 3 are of media changers, obsolete.
        guard prevents <= 1 else { throw .field(4, bit: 1) }
        change { state in
            if prevents == 1 {
                if isConnected(link) { state.preventers.insert(link.nexusID) }
            } else {
                state.preventers.remove(link.nexusID)
            }
        }
    }

    /// SEND DIAGNOSTIC (SPC-4, 6.42): the default self-test finds the unit as it is; pages and
    /// longer tests are not offered.
    func sendDiagnostic(_ task: SCSITask) throws(Refusal) {
        guard task.block[1] & 0xE0 == 0 else { throw .field(1, bit: 7) }
        guard task.block[1] & 0x10 == 0 || task.dataOut == 0 else { throw .field(3, bit: 7) }
        guard task.dataOut == 0 else { throw .illegal(.parameterListLength) }
    }

    /// RECEIVE DIAGNOSTIC RESULTS (SPC-4, 6.17): the page that lists pages: itself.
    func receiveDiagnostic(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        guard task.block[1] & 0x01 == 0 || task.block[2] == 0 else { throw .field(2, bit: 7) }
        return [0x00, 0x00, 0x00, 0x01, 0x00]
    }

    /// LOG SENSE (SPC-4, 6.7): the page that lists pages, and that of informational exceptions,
    /// which has none to report.
    func logSense(_ task: SCSITask) throws(Refusal) -> [UInt8] {
        // SP: nothing is saved.
        if task.block[1] & 0x01 != 0 { throw .field(1, bit: 0) }
        guard task.block[2] >> 6 == 1 else { throw .field(2, bit: 7) }
        guard task.block[3] == 0 || task.block[3] == 0xFF else { throw .field(3, bit: 7) }
        let pages: [UInt8] = [0x00, 0x2F]
        switch (task.block[2] & 0x3F, task.block[3]) {
        case (0x00, 0x00): return [0x00, 0, 0, UInt8(pages.count)] + pages
        case (0x00, 0xFF):
            let list: [UInt8] = [0x00, 0x00, 0x00, 0xFF, 0x2F, 0x00]
            return [0x40, 0xFF, 0, UInt8(list.count)] + list
        case (0x2F, 0x00):
            // One parameter: no exception, no temperature known (FFh).
            return [0x2F, 0, 0, 8, 0, 0, 0x03, 4, 0, 0, 0xFF, 0]
        default: throw .field(2, bit: 5)
        }
    }

    /// READ DEFECT DATA (SBC-3, 5.17 and 5.18): there are no defects, in whichever list and format.
    func readDefects(_ task: SCSITask) -> [UInt8] {
        if task.shape.command == .readDefectData10 {
            return [0, task.block[2] & 0x1F, 0, 0]
        }
        return [0, task.block[1] & 0x1F, 0, 0, 0, 0, 0, 0]
    }
}
