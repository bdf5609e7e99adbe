import Bytes
import NBDWire

/// One input: its first byte chooses what the rest is fed to.
///
/// Whatever it is, nothing crashes, nothing hangs, and what a decoder takes its encoder gives back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let all = UnsafeRawBufferPointer(start: start, count: count)
    let input = Array(all.dropFirst())
    switch all[0] % 6 {
    case 0: shakeHands(input, tls: .off)
    case 1: shakeHands(input, tls: .require)
    case 2: follow(input, .structured)
    case 3: follow(input, .extended)
    case 4: decodeMessages(input)
    default: decodeReplies(input)
    }
    return 0
}

/// The handshake gets the input in two pieces and must say the same as for the whole.
private func shakeHands(_ input: [UInt8], tls: NBDSecurity.Mode) {
    let offers = [
        NBDOffer(name: "disk", description: "a disk", size: 1 << 20, canTrim: true),
        NBDOffer(name: "", size: 0, isReadOnly: true),
    ]
    let policy = NBDHandshakePolicy(offers: offers, defaultExport: "disk", tls: tls)
    var whole = NBDHandshake(policy)
    let expected = whole.receive(input)
    for action in expected {
        if case .startTLS = action { return }
        if case .transmit = action { return }
    }
    var pieces = NBDHandshake(policy)
    let cut = Int(input.first ?? 0) % (input.count + 1)
    let told = pieces.receive(input[..<cut]) + pieces.receive(input[cut...])
    guard told == expected else { preconditionFailure("a cut changed what was said") }
}

/// The request stream gets the input whole and byte by byte, and must find the same requests.
private func follow(_ input: [UInt8], _ style: NBDHeaderStyle) {
    let offer = NBDOffer(name: "disk", size: 1 << 20, canTrim: true)
    let session = NBDSession(
        export: 0, style: style, flags: offer.flags(style, contexts: true), size: offer.size,
        hasContext: true)
    var whole = RequestStream(session)
    var pieces = RequestStream(session)
    var expected: [NBDRequest] = []
    var found: [NBDRequest] = []
    input.withUnsafeBytes { bytes in
        var rest = bytes
        while let event = whole.next(&rest) { note(event, &expected) }
        for index in bytes.indices {
            var rest = UnsafeRawBufferPointer(rebasing: bytes[index...index])
            while let event = pieces.next(&rest) { note(event, &found) }
        }
    }
    guard found == expected else { preconditionFailure("a cut changed the requests") }
    guard whole.payloadLeft == pieces.payloadLeft else { preconditionFailure("payload lost") }
}

private func note(_ event: RequestStream.Event, _ requests: inout [NBDRequest]) {
    switch event {
    case .request(let request), .refused(let request, _, _): requests.append(request)
    case .payload, .disconnect, .violation: break
    }
}

private func same(_ encoded: [UInt8]?, _ input: [UInt8]) {
    guard let encoded else { return }
    guard encoded == input else { preconditionFailure("encoded otherwise than it was decoded") }
}

private func decodeMessages(_ input: [UInt8]) {
    same((try? NBDGreeting(decoding: input))?.encoded, input)
    same((try? NBDClientFlags(decoding: input))?.encoded, input)
    same((try? NBDInfoRequest(decoding: input))?.encoded, input)
    same((try? NBDMetaContextRequest(decoding: input))?.encoded, input)
    same((try? NBDListedExport(decoding: input))?.encoded, input)
    same((try? NBDMetaContext(decoding: input))?.encoded, input)
    same((try? NBDBlockStatusPayload(decoding: input))?.encoded, input)
    _ = try? NBDOptionHeader(decoding: input)
    _ = try? NBDOptionReplyHeader(decoding: input)
    if let info = try? NBDInfo(decoding: input) {
        if case .other = info { return }
        same(info.encoded, input)
    }
}

private func decodeReplies(_ input: [UInt8]) {
    for extended in [false, true] {
        let status = try? NBDBlockStatus(decoding: input, extended: extended)
        same(status?.encoded(extended: extended), input)
    }
    for type in [NBDChunkType.error, .errorOffset, NBDChunkType(rawValue: 0x8099)] {
        _ = try? NBDErrorChunk(decoding: input, type: type)
    }
    for noZeroes in [false, true] {
        _ = try? NBDExportInfo(decodingAnswer: input, noZeroes: noZeroes)
    }
    input.withUnsafeBytes { bytes in
        for style in [NBDHeaderStyle.simple, .structured, .extended] {
            _ = try? NBDReplyHeader(decoding: bytes, style: style)
            _ = try? NBDRequest(decoding: bytes, style: style)
        }
        _ = try? NBDHoleChunk(decoding: bytes)
        _ = try? NBDDataChunk.offset(decoding: bytes)
    }
}
