import NBDWire

@testable import NBDServer

/// Bytes written as hexadecimal digits; anything else between them is passed over.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

/// A handshake that a test drives, and what the server said.
struct Talk {
    var machine: NBDHandshake
    /// Every reply to an option: which, what, and its data.
    var replies: [Reply] = []
    /// Bytes of the answer to NBD_OPT_EXPORT_NAME.
    var answer: [UInt8] = []
    var session: NBDSession?
    var rest: [UInt8] = []
    var asksForTLS = false
    var ending: String?

    struct Reply: Equatable {
        var option: NBDOption
        var type: NBDOptionReplyType
        var data: [UInt8]
    }

    static let disk = NBDOffer(name: "disk", description: "a disk", size: 1 << 20, canTrim: true)
    static let fixed = NBDOffer(name: "fixed", size: 4096, isReadOnly: true)

    init(
        tls: NBDSecurity.Mode = .off, tells: Bool = true, defaultExport: String? = "disk",
        flags: NBDClientFlags? = [.fixedNewstyle, .noZeroes], offers: [NBDOffer] = [disk, fixed]
    ) {
        machine = NBDHandshake(
            NBDHandshakePolicy(
                offers: offers, defaultExport: defaultExport, tls: tls, tellsExports: tells))
        if let flags { say(flags.encoded) }
    }

    /// Sends bytes and keeps what the server does.
    mutating func say(_ bytes: [UInt8]) {
        for action in machine.receive(bytes) {
            switch action {
            case .send(let bytes): hear(bytes[...])
            case .startTLS: asksForTLS = true
            case .transmit(let session, let rest): (self.session, self.rest) = (session, rest)
            case .close(let why): ending = why
            }
        }
    }

    /// Sends an option and returns the types of the replies to it.
    @discardableResult
    mutating func ask(_ option: NBDOption, _ data: [UInt8] = []) -> [NBDOptionReplyType] {
        let before = replies.count
        say(NBDOptionHeader.encode(option, data: data))
        return replies[before...].map(\.type)
    }

    private mutating func hear(_ bytes: ArraySlice<UInt8>) {
        var bytes = bytes
        while let header = try? NBDOptionReplyHeader(decoding: bytes.prefix(20)) {
            let data = Array(bytes.dropFirst(20).prefix(Int(header.length)))
            replies.append(Reply(option: header.option, type: header.type, data: data))
            bytes = bytes.dropFirst(20 + Int(header.length))
        }
        answer += bytes
    }
}
