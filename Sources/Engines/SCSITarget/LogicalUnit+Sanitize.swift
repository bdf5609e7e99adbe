import BlockDevice
import Platform
import SCSIWire

/// How far a sanitize is (SBC-3, 4.11).
enum SanitizeState: Equatable, Sendable {
    case idle
    /// So many 65,536ths are done.
    case running(UInt16)
    /// The last one failed; only another one, or leaving the failure mode, goes on.
    case failed(unrestricted: Bool)

    /// What REQUEST SENSE tells.
    var sense: SCSISense? {
        switch self {
        case .idle: nil
        case .running(let progress):
            SCSISense(
                .notReady, .sanitizeInProgress, specific: SCSISense.progress(progress))
        case .failed: SCSISense(.medium, .sanitizeFailed)
        }
    }
}

/// A command that waits for the end of a sanitize.
struct SanitizeWait: Sendable {
    /// How the waiting ends.
    enum End: Equatable, Sendable {
        case done(Refusal?)
        case abandoned
    }

    /// Whose command it is.
    var nexusID: UInt64 = 0
    var end: End?
}

extension LogicalUnit {
    /// What may be done while a sanitize runs or has failed (SBC-3, 4.11.2 and 4.11.3).
    func checkSanitize(_ state: SanitizeState, _ task: SCSITask) throws(Refusal) {
        guard let sense = state.sense, !task.shape.traits.contains(.whileSanitizing) else {
            return
        }
        if case .failed = state, task.shape.command == .sanitize { return }
        throw .check(sense)
    }

    func sizeSanitize(_ task: inout SCSITask) throws(Refusal) {
        guard configuration.allowsSanitize else { throw .illegal(.invalidOpcode) }
        let length = Int(task.block.word(at: 7))
        switch SCSISanitizeService(rawValue: task.block[1] & 0x1F) {
        case .overwrite:
            guard length > 4, length <= blockSize + 4 else { throw .field(7, bit: 7) }
            task.dataOut = length
        case .blockErase:
            guard isThin else { throw .field(1, bit: 4) }
        case .exitFailureMode: break
        case .cryptographicErase, nil: throw .field(1, bit: 4)
        }
    }

    /// SANITIZE: the work goes on when the command is aborted, and with IMMED after it has ended,
    /// where the target has somebody to do it.
    func sanitize(
        _ task: SCSITask, _ link: Link, _ target: SCSITarget, _ dataOut: UnsafeRawBufferPointer
    ) throws(Refusal) {
        let service = SCSISanitizeService(rawValue: task.block[1] & 0x1F)
        let isUnrestricted = task.block[1] & 0x20 != 0
        if service == .exitFailureMode { return try exitFailureMode() }
        var overwrite: SCSIOverwrite?
        if service == .overwrite {
            guard dataOut.count == task.dataOut else { throw .illegal(.parameterListLength) }
            do throws(SCSISense) {
                overwrite = try SCSIOverwrite(dataOut, blockSize: blockSize)
            } catch {
                throw .check(error)
            }
        }
        try begin(isUnrestricted)
        guard let background = target.background else {
            return try work(overwrite, unrestricted: isUnrestricted)
        }
        sanitizing.change { $0 = SanitizeWait(nexusID: link.nexusID) }
        let wanted = overwrite
        background {
            var failure: Refusal?
            do throws(Refusal) {
                try self.work(wanted, unrestricted: isUnrestricted)
            } catch {
                failure = error
            }
            self.sanitizing.change { $0.end = .done(failure) }
        }
        if task.block[1] & 0x80 == 0 { try awaitSanitize() }
    }

    /// Waits until the work has ended, however long it takes, or nobody waits for it any more.
    private func awaitSanitize() throws(Refusal) {
        while true {
            let end = sanitizing.wait(milliseconds: 60_000) { $0.end }
            switch end {
            case nil: continue
            case .done(nil): return
            case .done(.some(let failure)): throw failure
            case .abandoned: throw .check(.abortedCommand, .none)
            }
        }
    }

    /// A nexus no longer waits for the end of its sanitize; nil for whichever does.
    func abandon(_ nexusID: UInt64?) {
        sanitizing.change { wait in
            guard wait.end == nil, nexusID == nil || wait.nexusID == nexusID else { return }
            wait.end = .abandoned
        }
    }

    private func exitFailureMode() throws(Refusal) {
        let isRefused = change { state in
            if case .failed(let isUnrestricted) = state.sanitize {
                guard isUnrestricted else { return true }
                state.sanitize = .idle
            }
            return false
        }
        if isRefused { throw .field(1, bit: 4) }
    }

    private func begin(_ isUnrestricted: Bool) throws(Refusal) {
        let running: SanitizeState? = change { state in
            if case .running = state.sanitize { return state.sanitize }
            // A restricted one that failed is only repaired by another restricted one.
            if case .failed(false) = state.sanitize, isUnrestricted { return state.sanitize }
            state.sanitize = .running(0)
            return nil
        }
        if let sense = running?.sense { throw .check(sense) }
    }

    /// Overwrites the whole disk, or gives all of it back, alone; then everything is durable.
    private func work(_ overwrite: SCSIOverwrite?, unrestricted: Bool) throws(Refusal) {
        do throws(Refusal) {
            let blocks = blocks
            if blocks > 0 {
                let ticket = try ranges.acquire(0, count: blocks, exclusive: true)
                defer { ranges.release(ticket) }
                if let overwrite {
                    for pass in 0..<overwrite.passes {
                        try passOver(overwrite, pass, blocks)
                    }
                } else {
                    try zero(0, blocks, mayTrim: true)
                }
            }
            try flush()
            change { $0.sanitize = .idle }
        } catch {
            change { $0.sanitize = .failed(unrestricted: unrestricted) }
            throw .check(.medium, .sanitizeFailed)
        }
    }

    private func passOver(
        _ overwrite: SCSIOverwrite, _ pass: Int, _ blocks: UInt64
    ) throws(Refusal) {
        // With INVERT the last pass writes the pattern itself.
        let isInverted = overwrite.inverts && (overwrite.passes - 1 - pass) % 2 == 1
        let pattern = isInverted ? overwrite.pattern.map { ~$0 } : overwrite.pattern
        let start = Clock.nanoseconds()
        var failure: Refusal?
        pattern.withUnsafeBytes { bytes in
            do throws(Refusal) {
                try fill(0, blocks, with: bytes, forced: false) { done in
                    self.tell(pass, of: overwrite.passes, done, of: blocks)
                    self.pace(done, since: start)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func tell(_ pass: Int, of passes: Int, _ done: UInt64, of blocks: UInt64) {
        let part = (Double(pass) + Double(done) / Double(blocks)) / Double(passes)
        change { $0.sanitize = .running(UInt16(clamping: Int(part * 65_536))) }
    }

    /// Waits where the overwriting would take more of the disk than it is meant to.
    private func pace(_ done: UInt64, since start: Int64) {
        guard let rate = configuration.sanitizeRate, rate > 0 else { return }
        let due = Int64(Double(done << shift) / Double(rate) * 1_000_000_000)
        let early = (due - (Clock.nanoseconds() - start)) / 1_000_000
        if early > 0 { Clock.sleep(milliseconds: early) }
    }
}
