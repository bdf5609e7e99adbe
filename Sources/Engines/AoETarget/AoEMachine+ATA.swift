import AoEWire

extension AoEMachine {
    func ata(_ header: AoEHeader, _ argument: UnsafeRawBufferPointer) -> AoEAction {
        guard let registers = try? ATARegisters(decoding: argument) else {
            return refuse(header, .badArgument)
        }
        let command = ATACommand(registers)
        // Who may not use the disk may still see what it is.
        guard command == .identify || mayUse(header.source) else {
            return refuse(header, .reserved)
        }
        var request = AoERequest(header: header, registers: registers, work: .flush)
        switch command {
        case .identify:
            return .reply(
                answer(header, registers.done().encoded + medium.identity.encoded))
        case .read(let lba): (request.work, request.lba) = (.read, lba)
        case .write(let lba, let isForced):
            (request.work, request.lba) = (.write(isForced: isForced), lba)
        case .verify(let lba): (request.work, request.lba) = (.verify, lba)
        case .flush: return .device(request)
        case .checkPower: return .reply(answer(header, registers.done(count: 0xff).encoded))
        case .idle: return .reply(answer(header, registers.done().encoded))
        case .setWriteCache(let isOn):
            let done =
                isOn == medium.identity.hasWriteCache
                ? registers.done() : registers.failed(.aborted)
            return .reply(answer(header, done.encoded))
        case .other: return .reply(answer(header, registers.failed(.aborted).encoded))
        }
        return place(request, data: argument.count - ATARegisters.size)
    }

    /// Checks a request's range, and the data that came with it.
    private func place(_ request: AoERequest, data: Int) -> AoEAction {
        var request = request
        let registers = request.registers
        request.sectors = Int(registers.count)
        if request.work == .verify {
            // Nothing is carried, so the frame's length does not matter; 0 stands for 256.
            if request.sectors == 0 { request.sectors = 256 }
        } else if request.sectors == 0 || request.sectors > link.sectors {
            return refuse(request.header, .badArgument)
        }
        if case .write = request.work {
            guard data >= request.length else { return refuse(request.header, .badArgument) }
            guard !medium.isReadOnly else {
                let failed = registers.failed([.aborted, .writeProtected])
                return .reply(answer(request.header, failed.encoded))
            }
        }
        let end = request.lba.addingReportingOverflow(UInt64(request.sectors))
        guard !end.overflow, end.partialValue <= medium.identity.sectors else {
            return .reply(answer(request.header, registers.failed(.notFound).encoded))
        }
        return .device(request)
    }
}
