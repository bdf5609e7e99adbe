import ISCSIWire
import NIOCore
import Platform
import SCSITarget
import SCSIWire

extension ISCSISession {
    /// Most bytes that are read straight into the buffer that gathers replies.
    static let inPlaceLimit = 64 << 10

    /// Begins a command whose turn it is.
    func start(
        _ command: CommandPDU, _ header: BasicHeader, _ data: ByteBuffer, isIntact: Bool
    ) {
        guard let device, let nexus else { return }
        counters.commands &+= 1
        guard tasks.isEmpty || tasks[command.initiatorTaskTag] == nil else {
            return reject(header, .taskInProgress)
        }
        guard !command.isImmediate || immediateCount < limits.immediateCommands else {
            return reject(header, .tooManyImmediateCommands)
        }
        let expected = command.writes ? Int(command.expectedLength) : 0
        let block = SCSICommandBlock(
            bits: UInt128(command.cdbHigh) << 64 | UInt128(command.cdbLow))
        let scsi = device.prepare(
            SCSIRequest(
                lun: command.lun, block: block,
                attribute: SCSITaskAttribute(rawValue: command.attribute) ?? .simple,
                expectedIn: Int(command.expectedReadLength), expectedOut: expected),
            nexus: nexus)
        var transfer = WriteTransfer(
            wanted: scsi.dataOut, expected: expected, immediate: data.readableBytes,
            moreFollows: !command.isFinal, parameters: parameters)
        if !isIntact { transfer.fail(.digest) }
        let most = max(transfer.wanted, min(scsi.dataIn, Int(command.expectedReadLength)))
        if most > limits.sessionBytes { transfer.fail(.tooLong) }
        // The usual command has all it needs, and waits for nobody.
        if transfer.isComplete, transfer.fault == nil, orderedCount == 0,
            command.attribute <= SCSITaskAttribute.simple.rawValue || tasks.isEmpty,
            runNow(command, scsi, data, wanted: transfer.wanted)
        {
            return
        }
        let unasked = transfer.unaskedBytes(immediate: data.readableBytes)
        let isKept = mayKeepUnasked(unasked)
        if !isKept { transfer.fail(.noRoom) }
        let task = ISCSITask(
            command: command, scsi: scsi, sequence: nextSequence, transfer: transfer,
            empty: empty)
        nextSequence += 1
        if isKept { task.dataOut = kept(data, min(unasked, data.readableBytes)) }
        tasks[command.initiatorTaskTag] = task
        if command.isImmediate { immediateCount += 1 }
        if task.isOrdered { orderedCount += 1 }
        task.budget = isKept ? unasked : 0
        bytesInFlight += task.budget
        budget.force(task.budget)
        proceed(task)
    }

    /// Carries a command out at once, if the device can; answers it then.
    private func runNow(
        _ command: CommandPDU, _ scsi: SCSITask, _ data: ByteBuffer, wanted: Int
    ) -> Bool {
        guard let device else { return false }
        let room = min(scsi.dataIn, Int(command.expectedReadLength))
        guard mayHold(room) else { return false }
        var outcome: SCSIOutcome?
        let out = { (source: UnsafeRawBufferPointer, target: UnsafeMutableRawBufferPointer) in
            outcome = device.performNow(
                scsi, dataOut: UnsafeRawBufferPointer(rebasing: source[..<wanted]),
                dataIn: target)
        }
        guard room > 0 else {
            let nothing = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            data.withUnsafeReadableBytes { out($0, nothing) }
            guard let outcome else { return false }
            reply(to: command, scsi, outcome, data: empty)
            return true
        }
        let isSmall = room <= min(Self.inPlaceLimit, parameters.initiatorDataSegment)
        guard isSmall, room <= parameters.maxBurstLength, !command.writes else {
            return readNow(command, scsi, data, room: room)
        }
        let isAnswered = replies.appendInPlace(count: room) { target in
            data.withUnsafeReadableBytes { out($0, target) }
            guard let outcome, outcome.status == 0, outcome.dataIn > 0 else { return nil }
            let length = min(outcome.dataIn, room)
            counters.bytesOut &+= UInt64(length)
            return TargetPDU.lastDataIn(
                task: command.initiatorTaskTag, dataSN: 0, offset: 0, length: length, status: 0,
                residual: residual(command, scsi, outcome), numbers: numbers())
        }
        guard let outcome else { return false }
        if !isAnswered { reply(to: command, scsi, outcome, data: empty) }
        return true
    }

    /// Reads much, or for a command that gives and takes, into a buffer of its own.
    private func readNow(
        _ command: CommandPDU, _ scsi: SCSITask, _ data: ByteBuffer, room: Int
    ) -> Bool {
        guard let device else { return false }
        var buffer = takeBuffer(room)
        var outcome: SCSIOutcome?
        _ = data.withUnsafeReadableBytes { source in
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                let target = UnsafeMutableRawBufferPointer(rebasing: target[..<room])
                outcome = device.performNow(
                    scsi, dataOut: UnsafeRawBufferPointer(rebasing: source[..<0]),
                    dataIn: target)
                guard let outcome, outcome.status == 0 else { return 0 }
                return max(0, min(outcome.dataIn, room))
            }
        }
        guard let outcome else {
            giveBuffer(buffer)
            return false
        }
        reply(to: command, scsi, outcome, data: buffer)
        giveBuffer(buffer)
        return true
    }

    /// How many bytes went more or fewer than the initiator expected, in the direction that the
    /// initiator named; where it named none, any byte is one too many.
    private func residual(
        _ command: CommandPDU, _ scsi: SCSITask, _ outcome: SCSIOutcome
    ) -> Residual {
        if command.writes {
            return Residual(has: scsi.dataOut, expected: Int(command.expectedLength))
        }
        let has = command.reads ? outcome.dataIn : max(scsi.dataOut, outcome.dataIn)
        return Residual(has: has, expected: Int(command.expectedReadLength))
    }

    /// Sends data and status of a command that ended.
    func reply(
        to command: CommandPDU, _ scsi: SCSITask, _ outcome: SCSIOutcome, data: ByteBuffer
    ) {
        let isGood = outcome.status == 0
        let count = isGood ? data.readableBytes : 0
        let residual = residual(command, scsi, outcome)
        var packets: UInt32 = 0
        if count > 0 {
            let collapses = !command.writes
            packets = sendData(command, data, status: collapses ? residual : nil)
            if collapses { return }
        }
        var header = TargetPDU.response(
            task: command.initiatorTaskTag, status: outcome.status, residual: residual,
            readResidual: command.reads && command.writes
                ? Residual(has: outcome.dataIn, expected: Int(command.expectedReadLength))
                : .none,
            dataPDUs: packets, numbers: numbers())
        guard !outcome.sense.isEmpty else { return replies.append(header) }
        let length = outcome.sense.count
        header.dataLength = length + 2
        replies.append(
            header,
            bytes: [UInt8(length >> 8), UInt8(truncatingIfNeeded: length)] + outcome.sense)
    }

    /// Sends data in bursts of segments; returns how many PDUs that took.
    ///
    /// With a residual the last one carries the status GOOD.
    private func sendData(
        _ command: CommandPDU, _ data: ByteBuffer, status residual: Residual?
    ) -> UInt32 {
        let total = data.readableBytes
        counters.bytesOut &+= UInt64(total)
        var offset = 0
        var dataSN: UInt32 = 0
        while offset < total {
            let burstLeft = parameters.maxBurstLength - offset % parameters.maxBurstLength
            let count = min(parameters.initiatorDataSegment, total - offset, burstLeft)
            let isLast = offset + count == total
            let header: BasicHeader
            if isLast, let residual {
                header = TargetPDU.lastDataIn(
                    task: command.initiatorTaskTag, dataSN: dataSN, offset: UInt32(offset),
                    length: count, status: 0, residual: residual, numbers: numbers())
            } else {
                header = TargetPDU.dataIn(
                    task: command.initiatorTaskTag, isFinal: isLast || count == burstLeft,
                    dataSN: dataSN, offset: UInt32(offset), length: count,
                    numbers: numbers(usesStatus: false))
            }
            send(header, data, at: data.readerIndex + offset, count: count)
            offset += count
            dataSN += 1
        }
        return dataSN
    }

    private func send(_ header: BasicHeader, _ data: ByteBuffer, at index: Int, count: Int) {
        guard count > 8 << 10, let slice = data.getSlice(at: index, length: count) else {
            let start = index - data.readerIndex
            return data.withUnsafeReadableBytes { bytes in
                replies.append(
                    header, data: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
            }
        }
        replies.append(header, slice: slice)
    }
}
