import Bytes
import NBDWire
import Testing

@Suite struct NBDTransmissionTests {
    private let write = NBDRequest(
        .write, cookie: 0x0102_0304_0506_0708, offset: 0x1000, length: 0x200, flags: .fua)

    @Test func `a compact request has 28 bytes`() throws {
        let bytes = hex("25609513 0001 0001 0102030405060708 0000000000001000 00000200")
        #expect(encoded(write, .simple) == bytes && encoded(write, .structured) == bytes)
        let back = try bytes.withUnsafeBytes { bytes throws(BytesError) in
            try NBDRequest(decoding: bytes, style: .structured)
        }
        #expect(back == write)
    }

    @Test func `an extended request has 32 bytes`() throws {
        var request = write
        request.flags.insert(.payloadLength)
        let bytes = hex("21e41c71 0021 0001 0102030405060708 0000000000001000 0000000000000200")
        #expect(encoded(request, .extended) == bytes)
        let back = try bytes.withUnsafeBytes { bytes throws(BytesError) in
            try NBDRequest(decoding: bytes, style: .extended)
        }
        #expect(back == request)
    }

    @Test func `a request of the other kind, a byte short or long, is refused`() {
        for style in [NBDHeaderStyle.simple, .structured, .extended] {
            let bytes = encoded(write, style)
            for wrong in [Array(bytes.dropLast()), bytes + [0], []] {
                #expect(throws: BytesError.self) {
                    try wrong.withUnsafeBytes { try NBDRequest(decoding: $0, style: style) }
                }
            }
            let magic = style == .extended ? hex("25609513") : hex("21e41c71")
            let wrong = magic + bytes[4...]
            #expect(throws: BytesError.self) {
                try wrong.withUnsafeBytes { try NBDRequest(decoding: $0, style: style) }
            }
        }
    }

    @Test func `only a write has a payload, unless extended headers say otherwise`() {
        #expect(write.payloadLength(.simple) == 512 && write.payloadLength(.structured) == 512)
        #expect(write.payloadLength(.extended) == 0)
        let read = NBDRequest(.read, cookie: 1, length: 99)
        #expect(read.payloadLength(.simple) == 0 && read.payloadLength(.extended) == 0)
        let status = NBDRequest(.blockStatus, cookie: 1, length: 12, flags: .payloadLength)
        #expect(status.payloadLength(.structured) == 0 && status.payloadLength(.extended) == 12)
    }

    @Test func `a block status payload is a length and contexts`() throws {
        let payload = NBDBlockStatusPayload(effectLength: 1 << 33, contexts: [1, 2])
        #expect(payload.encoded == hex("0000000200000000 00000001 00000002"))
        #expect(try NBDBlockStatusPayload(decoding: payload.encoded) == payload)
        for wrong in [Array(payload.encoded.dropLast()), hex("00000000000000"), []] {
            #expect(throws: BytesError.self) { try NBDBlockStatusPayload(decoding: wrong) }
        }
        let many = [UInt8](repeating: 0, count: 8 + 4 * 65)
        #expect(throws: BytesError.tooLong(length: 65, limit: 64)) {
            try NBDBlockStatusPayload(decoding: many)
        }
    }
}
