import Bytes
import NBDWire
import Testing

@Suite struct NBDReplyTests {
    private let chunk = NBDChunkHeader(.offsetData, cookie: 0xaa, offset: 0x4000, length: 0x208)

    private func decode(_ bytes: [UInt8], _ style: NBDHeaderStyle) throws -> NBDReplyHeader {
        try bytes.withUnsafeBytes { bytes throws(BytesError) in
            try NBDReplyHeader(decoding: bytes, style: style)
        }
    }

    @Test func `a simple reply is an error and a cookie`() throws {
        let reply = NBDSimpleReply(error: .noSpace, cookie: 0x0102_0304_0506_0708)
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes.withUnsafeMutableBytes { reply.encode(into: $0) }
        #expect(bytes == hex("67446698 0000001c 0102030405060708"))
        #expect(try decode(bytes, .simple) == .simple(reply))
        #expect(try decode(bytes, .structured) == .simple(reply))
        #expect(throws: BytesError.self) { try decode(bytes, .extended) }
    }

    @Test func `a chunk has 20 bytes, and 32 with extended headers`() throws {
        let narrow = hex("668e33ef 0001 0001 00000000000000aa 00000208")
        #expect(encoded(chunk, .structured) == narrow)
        var back = chunk
        back.offset = 0
        #expect(try decode(narrow, .structured) == .chunk(back))
        let wide = hex("6e8a278c 0001 0001 00000000000000aa 0000000000004000 0000000000000208")
        #expect(encoded(chunk, .extended) == wide)
        #expect(try decode(wide, .extended) == .chunk(chunk))
        #expect(throws: BytesError.self) { try decode(narrow, .simple) }
        #expect(throws: BytesError.self) { try decode(narrow, .extended) }
        #expect(throws: BytesError.self) { try decode(wide, .structured) }
    }

    @Test func `a chunk of 4 GiB or more is refused`() {
        let bytes = hex("6e8a278c 0001 0001 00000000000000aa 0000000000004000 0000000100000000")
        #expect(throws: BytesError.invalid(field: "chunk length", value: 1 << 32)) {
            try decode(bytes, .extended)
        }
    }

    @Test func `a header cut anywhere is refused`() {
        for (bytes, style) in [
            (encoded(chunk, .structured), NBDHeaderStyle.structured),
            (encoded(chunk, .extended), .extended),
        ] {
            for count in 0..<bytes.count {
                #expect(throws: BytesError.self) { try decode(Array(bytes[..<count]), style) }
            }
            #expect(throws: BytesError.self) { try decode(bytes + [0], style) }
        }
    }

    @Test func `a hole is never empty`() throws {
        var bytes = [UInt8](repeating: 0, count: 12)
        bytes.withUnsafeMutableBytes {
            NBDHoleChunk(offset: 0x1000, length: 0x2000).encode(into: $0)
        }
        #expect(bytes == hex("0000000000001000 00002000"))
        let hole = try bytes.withUnsafeBytes { bytes throws(BytesError) in
            try NBDHoleChunk(decoding: bytes)
        }
        #expect(hole == NBDHoleChunk(offset: 0x1000, length: 0x2000))
        #expect(throws: BytesError.self) {
            try hex("0000000000001000 00000000").withUnsafeBytes { try NBDHoleChunk(decoding: $0) }
        }
    }

    @Test func `an error has a number, a message and perhaps an offset`() throws {
        let error = NBDErrorChunk(error: .invalid, message: "odd")
        #expect(error.encoded == hex("00000016 0003 6f6464") && error.type == .error)
        #expect(try NBDErrorChunk(decoding: error.encoded, type: .error) == error)
        let placed = NBDErrorChunk(error: .inputOutput, message: "", offset: 0x600)
        #expect(placed.encoded == hex("00000005 0000 0000000000000600"))
        #expect(try NBDErrorChunk(decoding: placed.encoded, type: .errorOffset) == placed)
        for (text, type) in [
            ("00000000 0000", NBDChunkType.error), ("00000016 0004 6f6464", .error),
            ("00000016 0002 6f6464", .error), ("00000016 0000 00000000000006", .errorOffset),
        ] {
            #expect(throws: BytesError.self) { try NBDErrorChunk(decoding: hex(text), type: type) }
        }
        let unknown = NBDChunkType(rawValue: 0x8077)
        #expect(try NBDErrorChunk(decoding: hex("00000005 0000 99"), type: unknown).message == "")
    }

    @Test func `a message that is too long is cut between characters`() throws {
        let error = NBDErrorChunk(error: .invalid, message: String(repeating: "é", count: 3000))
        let back = try NBDErrorChunk(decoding: error.encoded, type: .error)
        #expect(back.message.utf8.count == 4096 && back.message.allSatisfy { $0 == "é" })
    }

    @Test func `a block status has 32-bit or 64-bit extents`() throws {
        let status = NBDBlockStatus(
            context: 9,
            descriptors: [
                NBDDescriptor(length: 0x1000, flags: 0), NBDDescriptor(length: 0x2000, flags: 3),
            ])
        let narrow = hex("00000009 00001000 00000000 00002000 00000003")
        let wide = hex(
            """
            00000009 00000002 0000000000001000 0000000000000000
            0000000000002000 0000000000000003
            """)
        #expect(status.encoded(extended: false) == narrow)
        #expect(status.encoded(extended: true) == wide)
        for (bytes, extended) in [(narrow, false), (wide, true)] {
            #expect(try NBDBlockStatus(decoding: bytes, extended: extended) == status)
            #expect(NBDBlockStatus.size(2, extended: extended) == bytes.count)
            #expect(throws: BytesError.self) {
                try NBDBlockStatus(decoding: bytes.dropLast(), extended: extended)
            }
            #expect(throws: BytesError.self) {
                try NBDBlockStatus(decoding: bytes.prefix(extended ? 8 : 4), extended: extended)
            }
        }
        let lying = hex("00000009 00000003") + wide[8...]
        #expect(throws: BytesError.self) { try NBDBlockStatus(decoding: lying, extended: true) }
        #expect(throws: BytesError.self) {
            try NBDBlockStatus(decoding: hex("00000009 00000000 00000000"), extended: false)
        }
    }
}
