import ISCSIWire

/// One input: its first byte chooses what the rest is fed to.
///
/// Whatever it is, nothing crashes, nothing hangs, and what is taken stays within its bounds.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let all = UnsafeRawBufferPointer(start: start, count: count)
    let input = Array(all.dropFirst())
    switch all[0] % 5 {
    case 0: decodeHeader(input)
    case 1: decodeText(input)
    case 2: decodeValues(String(decoding: input, as: UTF8.self))
    case 3: transfer(input)
    default: exchange(input)
    }
    return 0
}

/// A header, and as much behind it as it announces.
private func decodeHeader(_ input: [UInt8]) {
    guard input.count >= 48, let header = try? BasicHeader(Array(input[..<48])) else { return }
    guard header.bytes == Array(input[..<48]) else { preconditionFailure("a header changed") }
    let rest = input[48...]
    guard rest.count >= header.additionalLength else { return }
    let additional = Array(rest.prefix(header.additionalLength))
    guard let pdu = try? InitiatorPDU(header, additional: additional) else { return }
    if case .command(let command) = pdu {
        guard (16...CommandPDU.cdbLimit).contains(command.cdb.count) else {
            preconditionFailure("a command block out of bounds")
        }
    }
}

/// What a text is decoded to is encoded and decoded to the same.
private func decodeText(_ input: [UInt8]) {
    guard let pairs = try? TextPairs(decoding: input) else { return }
    guard let again = try? TextPairs(decoding: pairs.bytes), again == pairs else {
        preconditionFailure("a text changed")
    }
    var negotiation = Negotiation(offer: ISCSISessionOffer(), isDiscovery: input.count % 2 == 0)
    var answers = TextPairs()
    try? negotiation.answer(pairs.pairs, into: &answers)
    let parameters = negotiation.parameters
    guard (512...ISCSIWire.dataSegmentLimit).contains(parameters.initiatorDataSegment),
        parameters.firstBurstLength <= parameters.maxBurstLength,
        (1...8).contains(parameters.maxOutstandingR2T)
    else { preconditionFailure("a parameter out of bounds") }
}

private func decodeValues(_ text: String) {
    if let bytes = TextValue.binary(text, limit: 1024) {
        guard (1...1024).contains(bytes.count),
            TextValue.binary(TextValue.encode(bytes), limit: 1024) == bytes
        else { preconditionFailure("a binary value changed") }
    }
    _ = TextValue.number(text)
    _ = TextValue.list(text)
    if let name = ISCSIName(text) {
        guard ISCSIName(name.description) == name else { preconditionFailure("a name changed") }
    }
}

/// Data-Out after Data-Out into one command.
private func transfer(_ input: [UInt8]) {
    var bytes = input[...]
    func next() -> Int { Int(bytes.popFirst() ?? 0) }
    var parameters = SessionParameters()
    parameters.firstBurstLength = 512 + next() * 16
    parameters.maxBurstLength = max(parameters.firstBurstLength, next() * 64)
    parameters.maxOutstandingR2T = 1 + next() % 8
    parameters.initialR2T = next() % 2 == 0
    let wanted = next() * 64
    let expected = next() * 64
    var transfer = WriteTransfer(
        wanted: wanted, expected: expected, immediate: next() * 4, moreFollows: next() % 2 == 1,
        parameters: parameters)
    var tag: UInt32 = 0
    while !bytes.isEmpty, !transfer.isComplete {
        tag += 1
        _ = transfer.ask(tag: tag)
        var header = BasicHeader(opcode: InitiatorOpcode.dataOut.rawValue)
        header.flags = next() % 2 == 0 ? 0x80 : 0
        let named = UInt32(next())
        header.targetTransferTag = named == 255 ? ISCSIWire.reservedTag : named
        header.words[9] = UInt32(next() % 4)
        header.words[10] = UInt32(next() * 64)
        guard case .dataOut(let pdu)? = try? InitiatorPDU(header) else { return }
        let length = next() * 16
        guard let offset = transfer.begin(pdu, length: length) else { continue }
        guard offset >= 0, offset + length <= max(expected, wanted, 1020) else {
            preconditionFailure("data beyond the command's end")
        }
    }
}

/// Text requests of any size and flags.
private func exchange(_ input: [UInt8]) {
    var bytes = input[...]
    var exchange = TextExchange()
    var tag = ISCSIWire.reservedTag
    while let flags = bytes.popFirst() {
        var header = BasicHeader(opcode: InitiatorOpcode.text.rawValue)
        header.flags = flags & 0xC0
        header.targetTransferTag = flags & 1 == 0 ? tag : UInt32(flags)
        guard case .text(let request)? = try? InitiatorPDU(header) else { continue }
        let data = bytes.prefix(Int(flags & 0x3E))
        bytes = bytes.dropFirst(data.count)
        let answer = try? exchange.receive(
            request, data: data, segment: 512, fresh: 7
        ) { pairs throws(ISCSIWireError) in pairs.bytes }
        guard let answer else { continue }
        guard answer.bytes.count <= 512 else { preconditionFailure("an answer is too long") }
        tag = answer.tag
    }
}
