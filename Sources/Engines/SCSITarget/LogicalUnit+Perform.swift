import BlockDevice
import SCSIWire

extension LogicalUnit {
    /// Carries a command out; returns how many bytes it has for the initiator.
    func perform(
        _ task: SCSITask, _ link: Link, _ target: SCSITarget, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) throws(Refusal) -> Int {
        switch task.shape.command {
        case .read: return try read(task, into: dataIn)
        case .write, .writeAtomic: try write(task, dataOut)
        case .verify: try verify(task, dataOut)
        case .writeAndVerify: try writeAndVerify(task, dataOut)
        case .writeSame: try writeSame(task, dataOut)
        case .compareAndWrite: try compareAndWrite(task, dataOut)
        case .orWrite: try orWrite(task, dataOut)
        case .unmap: try unmap(task, dataOut)
        case .prefetch: try prefetch(task)
        case .synchronizeCache: try synchronize(task)
        case .startStopUnit: try startStop(task, link)
        case .preventMediumRemoval: try preventRemoval(task, link)
        case .modeSelect6, .modeSelect10: try modeSelect(task, link, dataOut)
        case .reserve6, .reserve10: try reserve(task, link)
        case .release6, .release10: release(link)
        case .persistentReserveOut: try persistentReserveOut(task, link, target, dataOut)
        case .extendedCopy: try extendedCopy(task, link, target, dataOut)
        case .sendDiagnostic: try sendDiagnostic(task)
        case .sanitize: try sanitize(task, link, target, dataOut)
        case .testUnitReady: break
        default:
            return try answer(task, link, target).deliver(into: dataIn, limit: task.dataIn)
        }
        return 0
    }

    /// Carries a command out where that needs no waiting; nil where it would.
    @inline(__always)
    func performNow(
        _ task: SCSITask, _ link: Link, _ target: SCSITarget, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) throws(Refusal) -> Int? {
        switch task.shape.command {
        case .read: return try readNow(task, into: dataIn)
        case .write: return try writeNow(task, dataOut)
        case .testUnitReady: return 0
        case .reserve6, .reserve10, .release6, .release10, .preventMediumRemoval:
            return try perform(task, link, target, dataOut: dataOut, dataIn: dataIn)
        case .verify, .writeAtomic, .writeAndVerify, .writeSame, .compareAndWrite, .orWrite,
            .unmap, .prefetch, .synchronizeCache, .startStopUnit, .modeSelect6, .modeSelect10,
            .persistentReserveOut, .extendedCopy, .sendDiagnostic, .sanitize, .getLBAStatus:
            return nil
        default:
            return try answer(task, link, target).deliver(into: dataIn, limit: task.dataIn)
        }
    }

    /// Commands that only tell something.
    private func answer(
        _ task: SCSITask, _ link: Link, _ target: SCSITarget
    ) throws(Refusal) -> [UInt8] {
        switch task.shape.command {
        case .inquiry: return try inquiry(task, target)
        case .requestSense: return requestSense(task, link)
        case .reportLUNs:
            let answer = try target.reportUnits(task)
            link.withdraw(.reportedUnitsChanged)
            return answer
        case .readCapacity10: return try readCapacity10(task)
        case .readCapacity16: return try readCapacity16(task)
        case .modeSense6, .modeSense10: return try modeSense(task)
        case .logSense: return try logSense(task)
        case .readDefectData10, .readDefectData12: return readDefects(task)
        case .receiveDiagnostic: return try receiveDiagnostic(task)
        case .getLBAStatus: return try blockStatus(task)
        case .persistentReserveIn: return persistentReserveIn(task, target)
        case .receiveCopyStatus: return try copyStatus(task, link)
        case .receiveCopyParameters: return copyParameters()
        case .reportTargetPortGroups: return reportPortGroups(task, target)
        case .reportOperationCodes: return try reportOperationCodes(task)
        case .reportTaskManagement: return reportTaskManagement(task)
        default: throw .illegal(.invalidOpcode)
        }
    }
}
