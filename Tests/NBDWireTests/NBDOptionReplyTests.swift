import Bytes
import NBDWire
import Testing

@Suite struct NBDOptionReplyTests {
    @Test func `a reply names its option, its type and its length`() throws {
        let bytes = NBDOptionReplyHeader.encode(.ack, to: .go)
        #expect(bytes == hex("0003e889045565a9 00000007 00000001 00000000"))
        let header = try NBDOptionReplyHeader(decoding: bytes)
        #expect(header.option == .go && header.type == .ack && header.length == 0)
        #expect(throws: BytesError.self) { try NBDOptionReplyHeader(decoding: bytes.dropLast()) }
        #expect(throws: BytesError.self) { try NBDOptionReplyHeader(decoding: bytes + [0]) }
    }

    @Test func `errors have the highest bit`() {
        let errors: [NBDOptionReplyType] = [
            .unsupported, .policy, .invalid, .platform, .tlsRequired, .unknown, .shutdown,
            .blockSizeRequired, .tooBig, .extendedHeadersRequired,
        ]
        #expect(errors.map(\.rawValue) == (1...10).map { 0x8000_0000 + $0 })
        #expect(errors.filter { !$0.isError }.isEmpty)
        let others: [NBDOptionReplyType] = [.ack, .server, .info, .metaContext]
        #expect(others.filter(\.isError).isEmpty)
    }

    @Test func `a reply that announces more than a client takes is refused`() {
        let bytes = hex("0003e889045565a9 00000003 00000002 00010001")
        #expect(throws: BytesError.tooLong(length: 65_537, limit: 65_536)) {
            try NBDOptionReplyHeader(decoding: bytes)
        }
    }

    @Test func `a listed export is a name and the rest`() throws {
        let listed = NBDListedExport(name: "a", description: "two words")
        #expect(listed.encoded == hex("00000001 61") + Array("two words".utf8))
        #expect(try NBDListedExport(decoding: listed.encoded) == listed)
        #expect(throws: BytesError.self) { try NBDListedExport(decoding: hex("00000002 61")) }
    }

    @Test func `information has the lengths that the protocol gives it`() throws {
        let all: [(NBDInfo, String)] = [
            (.export(NBDExportInfo(size: 512, flags: [.hasFlags])), "0000 0000000000000200 0001"),
            (.name("n"), "0001 6e"), (.description("d"), "0002 64"), (.name(""), "0001"),
            (
                .blockSize(NBDBlockSizes(minimum: 1, preferred: 4096, maximum: 1 << 25)),
                "0003 00000001 00001000 02000000"
            ),
        ]
        for (info, text) in all {
            #expect(info.encoded == hex(text))
            #expect(try NBDInfo(decoding: hex(text)) == info)
        }
        for wrong in ["", "00", "0000 00", "0000 0000000000000200 0001 00", "0003 00000001"] {
            #expect(throws: BytesError.self) { try NBDInfo(decoding: hex(wrong)) }
        }
        #expect(try NBDInfo(decoding: hex("0009 1234")) == .other(NBDInfoType(rawValue: 9)))
    }

    @Test func `block sizes that break the rules are refused`() {
        let lawless: [(UInt32, UInt32, UInt32)] = [
            (0, 4096, 1 << 25), (3, 4096, 1 << 25), (131_072, 131_072, 1 << 25),
            (512, 256, 1 << 25), (1, 256, 1 << 25), (1, 4096, 2048), (4096, 512, 1 << 25),
            (512, 5000, 1 << 25),
        ]
        for (minimum, preferred, maximum) in lawless {
            let sizes = NBDBlockSizes(minimum: minimum, preferred: preferred, maximum: maximum)
            #expect(!sizes.isLawful)
            let bytes = NBDInfo.blockSize(sizes).encoded
            #expect(throws: BytesError.self) { try NBDInfo(decoding: bytes) }
        }
        #expect(NBDBlockSizes.usual.isLawful)
    }

    @Test func `a context is a number and a name`() throws {
        let context = NBDMetaContext(id: 7, name: NBDAllocation.context)
        #expect(context.encoded == hex("00000007") + Array("base:allocation".utf8))
        #expect(try NBDMetaContext(decoding: context.encoded) == context)
        #expect(throws: BytesError.self) { try NBDMetaContext(decoding: [0, 0, 0]) }
    }
}
