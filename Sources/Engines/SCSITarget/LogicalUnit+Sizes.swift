import SCSIWire

extension LogicalUnit {
    /// How many bytes go each way, for the less frequent commands.
    func sizeOthers(_ task: inout SCSITask, _ expectedOut: Int) throws(Refusal) {
        switch task.shape.command {
        case .verify, .writeAndVerify: try sizeVerify(&task)
        case .writeSame: try sizeWriteSame(&task, expectedOut)
        case .compareAndWrite: try sizeCompareAndWrite(&task, expectedOut)
        case .writeAtomic: try sizeWriteAtomic(&task)
        case .unmap: try sizeUnmap(&task)
        case .sanitize: try sizeSanitize(&task)
        case .inquiry: task.dataIn = Int(task.block.word(at: 3))
        case .requestSense, .modeSense6: task.dataIn = Int(task.block[4])
        case .receiveDiagnostic: task.dataIn = Int(task.block.word(at: 3))
        case .modeSense10, .logSense, .readDefectData10, .persistentReserveIn:
            task.dataIn = Int(task.block.word(at: 7))
        case .readCapacity10: task.dataIn = 8
        case .readCapacity16, .getLBAStatus, .receiveCopyStatus, .receiveCopyParameters:
            task.dataIn = allocation(task, at: 10)
        case .reportLUNs, .reportTargetPortGroups, .reportOperationCodes, .reportTaskManagement,
            .readDefectData12:
            task.dataIn = allocation(task, at: 6)
        case .modeSelect6: task.dataOut = Int(task.block[4])
        case .modeSelect10: task.dataOut = Int(task.block.word(at: 7))
        case .sendDiagnostic: task.dataOut = Int(task.block.word(at: 3))
        case .persistentReserveOut: task.dataOut = try list(task, 5, SCSIReserveParameters.limit)
        case .extendedCopy: task.dataOut = try list(task, 10, SCSICopyList.limit)
        default: break
        }
    }

    private func allocation(_ task: SCSITask, at place: Int) -> Int {
        min(Int(task.block.long(at: place)), SCSITarget.responseLimit)
    }

    /// A parameter list's length, which a command may not make longer than it can ever need.
    private func list(_ task: SCSITask, _ place: Int, _ limit: Int) throws(Refusal) -> Int {
        let length = Int(task.block.long(at: place))
        guard length <= limit else { throw .illegal(.parameterListLength) }
        return length
    }

    private func sizeVerify(_ task: inout SCSITask) throws(Refusal) {
        let check = task.byteCheck
        if task.shape.command == .writeAndVerify {
            guard check <= 1 else { throw .field(1, bit: 2) }
            try checkTransfer(task, blocks: task.count)
            task.dataOut = Int(task.count << shift)
            return
        }
        try checkTransfer(task, blocks: task.count)
        switch check {
        case 0: break
        case 1:
            task.dataOut = Int(task.count << shift)
        case 3: task.dataOut = task.count == 0 ? 0 : blockSize
        default: throw .field(1, bit: 2)
        }
    }

    /// COMPARE AND WRITE: twice the blocks, and neither more nor less data than that.
    private func sizeCompareAndWrite(
        _ task: inout SCSITask, _ expectedOut: Int
    ) throws(Refusal) {
        guard task.count <= UInt64(configuration.compareLimit) else { throw .field(13, bit: 7) }
        let wanted = Int(task.count << shift) * 2
        guard expectedOut == wanted else { throw .field(13, bit: 7) }
        task.dataOut = wanted
    }

    private func sizeWriteAtomic(_ task: inout SCSITask) throws(Refusal) {
        guard supports(.writeAtomic) else { throw .illegal(.invalidOpcode) }
        // A boundary would let a write be torn there: not offered.
        guard task.block.word(at: 10) == 0 else { throw .field(10, bit: 7) }
        guard task.count <= UInt64(configuration.atomicLimit) else { throw .field(12, bit: 7) }
        task.dataOut = Int(task.count << shift)
    }
}

extension SCSITask {
    /// BYTCHK (SBC-3, 5.36): 0 compares nothing, 1 all blocks, 3 one block with each.
    var byteCheck: UInt8 { block[1] >> 1 & 0x03 }
}
