import Bytes
import NBDWire
import Testing

@Suite struct NBDOptionTests {
    @Test func `an option is IHAVEOPT, its number, its length and its data`() throws {
        let bytes = NBDOptionHeader.encode(.exportName, data: [0x61, 0x62])
        #expect(bytes == hex("49484156454f5054 00000001 00000002 6162"))
        let header = try NBDOptionHeader(decoding: bytes[..<16])
        #expect(header == NBDOptionHeader(option: .exportName, length: 2))
        #expect(throws: BytesError.self) { try NBDOptionHeader(decoding: bytes[..<15]) }
        var wrong = bytes
        wrong[0] = 0
        #expect(throws: BytesError.self) { try NBDOptionHeader(decoding: wrong[..<16]) }
    }

    @Test func `a request for information is a name and a list of numbers`() throws {
        let request = NBDInfoRequest(name: "disk", infos: [.blockSize, .name])
        #expect(request.encoded == hex("00000004 6469736b 0002 0003 0001"))
        #expect(try NBDInfoRequest(decoding: request.encoded) == request)
        #expect(try NBDInfoRequest(decoding: [0, 0, 0, 0, 0, 0]) == NBDInfoRequest(name: ""))
    }

    @Test(arguments: [
        "", "000000", "00000001 61", "00000001 61 0001", "00000001 61 0001 0003 00",
        "ffffffff 61 0000", "00000003 61 0000", "00000002 6100 0000", "00000002 ff61 0000",
        "00000000 ffff 0000",
    ])
    func `a request for information whose lengths disagree is refused`(text: String) {
        #expect(throws: BytesError.self) { try NBDInfoRequest(decoding: hex(text)) }
    }

    @Test func `queries for contexts are texts with lengths`() throws {
        let request = NBDMetaContextRequest(name: "x", queries: ["base:", "q"])
        #expect(
            request.encoded == hex("00000001 78 00000002 00000005 626173653a 00000001 71"))
        #expect(try NBDMetaContextRequest(decoding: request.encoded) == request)
        for cut in 0..<request.encoded.count {
            #expect(throws: BytesError.self) {
                try NBDMetaContextRequest(decoding: request.encoded[..<cut])
            }
        }
        #expect(throws: BytesError.self) {
            try NBDMetaContextRequest(decoding: request.encoded + [0])
        }
    }

    @Test func `a count of queries is bounded, and believed only where the bytes are there`() {
        let empty = [UInt8](repeating: 0, count: 4 * (NBDLimits.queries + 1))
        let count = hex("00000041")
        #expect(throws: BytesError.tooLong(length: 65, limit: 64)) {
            try NBDMetaContextRequest(decoding: hex("00000000") + count + empty)
        }
        #expect(throws: BytesError.truncated(needed: 4 * 0xffff_ffff, available: 4)) {
            try NBDMetaContextRequest(decoding: hex("00000000 ffffffff 00000000"))
        }
    }

    @Test func `a text has at most 4096 bytes, no NUL, and is UTF-8`() throws {
        let longest = [UInt8](repeating: 0x61, count: 4096)
        #expect(try String(decodingNBD: longest).utf8.count == 4096)
        #expect(throws: BytesError.tooLong(length: 4097, limit: 4096)) {
            try String(decodingNBD: longest + [0x61])
        }
        #expect(throws: BytesError.self) { try String(decodingNBD: [0x61, 0]) }
        #expect(throws: BytesError.notUTF8) { try String(decodingNBD: [0xc3]) }
    }
}
