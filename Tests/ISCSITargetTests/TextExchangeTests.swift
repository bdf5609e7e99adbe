import ISCSIWire
import Testing

@testable import ISCSITarget

@Suite struct TextExchangeTests {
    static func request(
        isFinal: Bool = true, continues: Bool = false, tag: UInt32 = 0xFFFF_FFFF
    ) throws -> TextRequest {
        var header = BasicHeader(opcode: 0x04)
        header.flags = (isFinal ? 0x80 : 0) | (continues ? 0x40 : 0)
        header.targetTransferTag = tag
        guard case .text(let request) = try InitiatorPDU(header) else { throw LoginStatus.success }
        return request
    }

    static func echo(_ pairs: TextPairs) throws(ISCSIWireError) -> [UInt8] { pairs.bytes }

    @Test func `a text and its answer in one PDU each`() throws {
        var exchange = TextExchange()
        let answer = try exchange.receive(
            try Self.request(), data: Array("a=b\0".utf8), segment: 512, fresh: 5,
            answer: Self.echo)
        #expect(
            answer
                == .init(
                    bytes: Array("a=b\0".utf8), isFinal: true, continues: false,
                    tag: 0xFFFF_FFFF))
    }

    @Test func `a text in several PDUs is answered when it is whole`() throws {
        var exchange = TextExchange()
        let first = try exchange.receive(
            try Self.request(isFinal: false, continues: true), data: Array("a=".utf8),
            segment: 512, fresh: 5, answer: Self.echo)
        #expect(first == .init(bytes: [], isFinal: false, continues: false, tag: 5))
        let second = try exchange.receive(
            try Self.request(tag: 5), data: Array("b\0".utf8), segment: 512, fresh: 6,
            answer: Self.echo)
        #expect(second.isFinal && second.bytes == Array("a=b\0".utf8))
    }

    @Test func `a long answer is fetched with empty requests`() throws {
        var exchange = TextExchange()
        let long = [UInt8](repeating: 0x61, count: 1200)
        let answer: (TextPairs) throws(ISCSIWireError) -> [UInt8] = {
            (_: TextPairs) throws(ISCSIWireError) in long
        }
        var got: [UInt8] = []
        var next = try exchange.receive(
            try Self.request(), data: Array("a=b\0".utf8), segment: 512, fresh: 5, answer: answer)
        got += next.bytes
        while next.continues {
            #expect(!next.isFinal && next.tag == 5)
            next = try exchange.receive(
                try Self.request(tag: 5), data: [UInt8](), segment: 512, fresh: 6, answer: answer)
            got += next.bytes
        }
        #expect(next.isFinal && got == long)
    }

    @Test func `wrong tags, long texts and data in the middle of an answer are refused`() throws {
        var exchange = TextExchange()
        #expect(throws: ISCSIWireError.self) {
            try exchange.receive(
                try Self.request(tag: 9), data: [UInt8](), segment: 512, fresh: 5,
                answer: Self.echo)
        }
        #expect(throws: ISCSIWireError.self) {
            var tag: UInt32 = 0xFFFF_FFFF
            for _ in 0..<5 {
                tag =
                    try exchange.receive(
                        try Self.request(isFinal: false, continues: true, tag: tag),
                        data: [UInt8](repeating: 0x61, count: 8192), segment: 512, fresh: 5,
                        answer: Self.echo
                    ).tag
            }
        }
    }
}
