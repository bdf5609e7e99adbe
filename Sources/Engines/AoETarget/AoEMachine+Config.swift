import AoEWire

extension AoEMachine {
    mutating func config(
        _ header: AoEHeader, _ argument: UnsafeRawBufferPointer
    ) -> AoEAction {
        guard let question = try? AoEConfig(decoding: argument),
            let operation = AoEConfigOperation(rawValue: question.operation)
        else { return refuse(header, .badArgument) }
        switch operation {
        case .read: break
        case .test:
            guard question.text == kept.text else { return .drop }
        case .testPrefix:
            guard kept.text.starts(with: question.text) else { return .drop }
        case .set:
            // One that comes twice is answered twice.
            guard kept.text.isEmpty || kept.text == question.text else {
                return .reply(
                    answer(header, configAnswer(operation).encoded, fault: .configPresent))
            }
            return store(question.text, header, operation)
        case .forceSet: return store(question.text, header, operation)
        }
        return .reply(answer(header, configAnswer(operation).encoded))
    }

    private mutating func store(
        _ text: [UInt8], _ header: AoEHeader, _ operation: AoEConfigOperation
    ) -> AoEAction {
        guard text.count <= link.longestText else { return refuse(header, .badArgument) }
        let isNew = text != kept.text
        kept.text = text
        let reply = answer(header, configAnswer(operation).encoded)
        return isNew ? .keep(kept, reply: reply) : .reply(reply)
    }

    private func configAnswer(_ operation: AoEConfigOperation) -> AoEConfig {
        var answer = AoEConfig(operation, text: kept.text)
        answer.bufferCount = UInt16(clamping: link.bufferCount)
        answer.firmware = Self.firmware
        answer.sectorCount = UInt8(clamping: link.sectors)
        return answer
    }

    /// Frames that tell hosts of the disk unasked: those that may use it, or everybody.
    func announcements() -> [[UInt8]] {
        let hosts = masks.isEmpty ? (allowed.isEmpty ? [.broadcast] : Array(allowed)) : masks
        return hosts.map { host in
            var header = AoEHeader(
                destination: host, source: mac, address: address, command: .config)
            header.flags = .response
            return header.frame(configAnswer(.read).encoded)
        }
    }
}
