import Bytes
import NetlinkWire
import Testing

/// The kernel is trusted, and yet nothing that it could send may trap.
@Suite struct HostileNetlinkTests {
    @Test func `lengths that lie are errors`() {
        for length: UInt8 in [0, 15, 17, 255] {
            var bytes = NetlinkMessage(type: 1, flags: [], sequence: 1, body: []).encoded
            bytes[0] = length
            #expect(throws: BytesError.self) { try NetlinkMessage.decode(bytes) }
        }
        #expect(throws: BytesError.self) { try NetlinkAttribute.decode([3, 0, 1, 0]) }
        #expect(throws: BytesError.self) { try NetlinkAttribute.decode([9, 0, 1, 0, 1, 2, 3, 4]) }
        #expect(throws: BytesError.self) {
            try NetlinkMessage.decode([UInt8](repeating: 1, count: NetlinkMessage.limit + 1))
        }
    }

    @Test func `a number of another width is an error`() {
        let attribute = NetlinkAttribute(1, UInt64(1))
        #expect(throws: BytesError.self) { try attribute.number(as: UInt32.self) }
    }

    @Test func `an error that is none is an error`() {
        let message = NetlinkMessage(type: 2, flags: [], sequence: 1, body: [1, 0, 0, 0])
        #expect(throws: BytesError.self) { try message.outcome() }
        let short = NetlinkMessage(type: 2, flags: [], sequence: 1, body: [0])
        #expect(throws: BytesError.self) { try short.outcome() }
    }

    @Test(arguments: 0..<64)
    func `any bytes end in messages or an error`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let bytes = (0..<256).map { _ in UInt8.random(in: 0...20, using: &generator) }
        let messages = (try? NetlinkMessage.decode(bytes)) ?? []
        for message in messages {
            _ = try? message.outcome()
            _ = try? NBDNetlink.index(in: message, family: message.type)
        }
        #expect(messages.count <= 16)
    }
}
