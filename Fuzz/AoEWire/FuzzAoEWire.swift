import AoEWire

/// One input: its first byte chooses what the rest is fed to.
///
/// Whatever it is, nothing crashes, nothing hangs, and what a decoder takes its encoder gives back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let all = UnsafeRawBufferPointer(start: start, count: count)
    let input = UnsafeRawBufferPointer(rebasing: all[1...])
    switch all[0] % 3 {
    case 0: decode(input)
    case 1: serve(input, allowed: [])
    default: serve(input, allowed: [MACAddress(0x5254_0000_0001), MACAddress(2)])
    }
    return 0
}

private func same(_ encoded: [UInt8]?, _ input: UnsafeRawBufferPointer) {
    guard let encoded else { return }
    guard encoded.elementsEqual(input.prefix(encoded.count)) else {
        preconditionFailure("encoded otherwise than it was decoded")
    }
}

private func decode(_ input: UnsafeRawBufferPointer) {
    if let header = try? AoEHeader(decoding: input) {
        same(Array(header.frame().prefix(AoEHeader.size)), input)
    }
    same((try? AoEConfig(decodingAnswer: input))?.encoded, input)
    _ = try? AoEConfig(decoding: input)
    _ = try? AoEMaskList(decodingAnswer: input)
    same((try? AoEReserveList(decoding: input))?.encoded, input)
    if let masks = try? AoEMaskList(decoding: input), masks.operation == 1 {
        guard masks.encoded.count <= input.count else { preconditionFailure("made up entries") }
    }
    if let registers = try? ATARegisters(decoding: input) {
        same(Array(registers.encoded.prefix(10)), input)
        _ = ATACommand(registers)
    }
}

/// A target gets frames one after the other: two bytes of length, then the bytes after the part
/// that every message has.
private func serve(_ input: UnsafeRawBufferPointer, allowed: [MACAddress]) {
    let address = AoEAddress(shelf: 1, slot: 2)
    let identity = ATAIdentity(
        sectors: 1000, serial: "s", model: "m", firmware: "1", hasWriteCache: false)
    var machine = AoEMachine(
        address: address, mac: MACAddress(9), allowed: allowed,
        link: AoELink(mtu: 1500, bufferCount: 16),
        medium: AoEMedium(identity: identity, isReadOnly: false))
    var rest = input[...]
    while rest.count >= 3 {
        let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        let body = rest.dropFirst(2).prefix(length)
        rest = rest.dropFirst(2 + body.count)
        check(message(body, address), &machine)
    }
}

/// Whole as it is where its first bit is set, else with a sound header and any command.
private func message(_ body: Slice<UnsafeRawBufferPointer>, _ address: AoEAddress) -> [UInt8] {
    guard let first = body.first, first & 0x80 == 0 else { return Array(body.dropFirst()) }
    var header = AoEHeader(
        destination: .broadcast, source: MACAddress(0x5254_0000_0001), address: address,
        command: .ata)
    header.command = first & 7
    var bytes = Array(header.frame().prefix(AoEHeader.size))
    bytes.append(contentsOf: body.dropFirst())
    return bytes
}

private func check(_ frame: [UInt8], _ machine: inout AoEMachine) {
    let action = frame.withUnsafeBytes { machine.receive($0) }
    switch action {
    case .drop: return
    case .reply(let reply), .keep(_, let reply):
        guard (60...1514).contains(reply.count) else { preconditionFailure("no frame") }
        let header = reply.withUnsafeBytes { try? AoEHeader(decoding: $0) }
        guard header?.flags.contains(.response) == true, header?.address == machine.address
        else { preconditionFailure("no answer") }
    case .device(let request):
        guard request.lba + UInt64(request.sectors) <= 1000 else {
            preconditionFailure("outside of the disk")
        }
        if case .write = request.work, request.length > frame.count - 36 {
            preconditionFailure("data that is not there")
        }
        if request.work == .read, request.length > 1024 { preconditionFailure("too long") }
    }
    guard machine.kept.text.count <= 1024, machine.kept.hosts.count <= 185 else {
        preconditionFailure("more kept than an answer holds")
    }
}
