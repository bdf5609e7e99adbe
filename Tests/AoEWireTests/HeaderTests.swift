import AoEWire
import Bytes
import Testing

@Suite struct HeaderTests {
    private let mac = MACAddress(0x5254_0012_3456)

    @Test func `a question has the bytes of the specification`() {
        var header = AoEHeader(
            destination: .broadcast, source: mac, address: .init(shelf: 0x102, slot: 3),
            command: .config, tag: 0x0506_0708)
        #expect(
            Array(header.frame().prefix(AoEHeader.size)) == [
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x88, 0xa2,
                0x10, 0, 1, 2, 3, 1, 5, 6, 7, 8,
            ])
        header.flags = [.response, .error]
        header.error = 4
        let decoded = header.frame().withUnsafeBytes { try? AoEHeader(decoding: $0) }
        #expect(decoded == header)
    }

    @Test func `the shortest frame is padded, a longer one is as long as its content`() {
        let header = AoEHeader(
            destination: .broadcast, source: mac, address: .all, command: .ata)
        #expect(header.frame().count == 60)
        #expect(header.frame([UInt8](repeating: 7, count: 36)).count == 60)
        #expect(header.frame([UInt8](repeating: 7, count: 37)).suffix(37).allSatisfy { $0 == 7 })
    }

    private func decode(_ frame: some Collection<UInt8>) throws -> AoEHeader {
        try Array(frame).withUnsafeBytes { try AoEHeader(decoding: $0) }
    }

    @Test func `short frames and other types are no messages`() {
        var frame = AoEHeader(
            destination: .broadcast, source: mac, address: .all, command: .ata
        ).frame()
        #expect(throws: AoEWireError.truncated(needed: 24, available: 23)) {
            try decode(frame[..<23])
        }
        frame[13] = 0xa3
        #expect(throws: AoEWireError.otherType(0x88a3)) {
            try decode(frame)
        }
    }

    @Test func `an answer goes back under the disk's own name`() {
        let question = AoEHeader(
            destination: .broadcast, source: mac, address: .all, command: .reserve, tag: 9)
        let disk = AoEAddress(shelf: 7, slot: 8)
        let answer = question.answer(from: disk, at: MACAddress(1), fault: .badArgument)
        #expect(answer.destination == mac && answer.source == MACAddress(1))
        #expect(answer.address == disk && answer.tag == 9 && answer.command == 3)
        #expect(answer.flags == [.response, .error] && answer.error == 2)
    }

    @Test func `all and one are told apart`() {
        let disk = AoEAddress(shelf: 7, slot: 8)
        for address in [AoEAddress.all, disk, .init(shelf: 0xffff, slot: 8)] {
            #expect(address.includes(disk))
        }
        for address in [AoEAddress(shelf: 8, slot: 8), .init(shelf: 7, slot: 9)] {
            #expect(!address.includes(disk))
        }
        #expect(disk.isOne && "\(disk)" == "e7.8")
        #expect(!AoEAddress(shelf: 7, slot: 0xff).isOne)
    }

    @Test(arguments: [
        ("52:54:00:12:34:56", 0x5254_0012_3456 as UInt64), ("FF-ff-FF-ff-FF-ff", 0xffff_ffff_ffff),
        ("00:00:00:00:00:00", 0),
    ])
    func `hardware addresses are read and written`(text: String, number: UInt64) throws {
        let mac = try #require(MACAddress(text))
        #expect(mac.number == number)
        #expect(MACAddress(mac.description) == mac && MACAddress(bytes: mac.bytes) == mac)
    }

    @Test(arguments: [
        "", "52:54:00:12:34", "52:54:00:12:34:56:78", "52:54:00:12:34:5", "5g:54:00:12:34:56",
        "52:54:00:12:34:+6", "525400123456", "52:54-00:12:34:56", ":::::",
    ])
    func `anything else is no hardware address`(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func `nobody sends from a group`() {
        #expect(MACAddress.broadcast.isGroup && MACAddress(0x0100_5e00_0001).isGroup)
        #expect(!mac.isGroup)
    }
}
