import AoEWire
import Bytes
import Testing

@Suite struct ArgumentTests {
    private func decode<Value>(
        _ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Value
    ) throws -> Value {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: bytes)
        return try body(UnsafeRawBufferPointer(copy))
    }

    @Test func `a configuration has the bytes of the specification, and comes back`() throws {
        var config = AoEConfig(.forceSet, text: Array("abc".utf8))
        config.bufferCount = 0x102
        config.firmware = 0x304
        config.sectorCount = 5
        #expect(config.encoded == [1, 2, 3, 4, 5, 0x14, 0, 3, 0x61, 0x62, 0x63])
        #expect(try decode(config.encoded) { try AoEConfig(decoding: $0) } == config)
    }

    @Test func `a configuration string is all there, or the message is wrong`() throws {
        var bytes = AoEConfig(.set, text: [1, 2, 3]).encoded
        #expect(throws: AoEWireError.truncated(needed: 11, available: 10)) {
            try decode(bytes.dropLast()) { try AoEConfig(decoding: $0) }
        }
        (bytes[6], bytes[7]) = (4, 1)
        #expect(throws: AoEWireError.tooLong(length: 1025, limit: 1024)) {
            try decode(bytes) { try AoEConfig(decoding: $0) }
        }
        // Reading has no string, so its length does not matter.
        bytes[5] = 0x10
        #expect(try decode(bytes) { try AoEConfig(decoding: $0) }.text.isEmpty)
    }

    @Test func `lists come back, and are all there`() throws {
        let mac = MACAddress(0x5254_0012_3456)
        let masks = AoEMaskList(.edit, [.init(command: 1, mac: mac), .init(command: 2, mac: mac)])
        #expect(masks.encoded.count == 20)
        #expect(masks.encoded.prefix(6) == [0, 1, 0, 2, 0, 1])
        #expect(try decode(masks.encoded) { try AoEMaskList(decoding: $0) } == masks)
        #expect(throws: AoEWireError.self) {
            try decode(masks.encoded.dropLast()) { try AoEMaskList(decoding: $0) }
        }
        let hosts = AoEReserveList(.set, [mac])
        #expect(hosts.encoded == [1, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56])
        #expect(try decode(hosts.encoded) { try AoEReserveList(decoding: $0) } == hosts)
        #expect(throws: AoEWireError.self) {
            try decode(hosts.encoded.dropLast()) { try AoEReserveList(decoding: $0) }
        }
    }

    @Test func `registers have the bytes of the specification, and come back`() throws {
        let registers = ATARegisters(
            command: 0x24, flags: [.extended, .write], feature: 2, count: 3,
            lba: 0x0605_0403_0201)
        #expect(registers.encoded == [0x41, 2, 3, 0x24, 1, 2, 3, 4, 5, 6, 0, 0])
        #expect(try decode(registers.encoded) { try ATARegisters(decoding: $0) } == registers)
        #expect(throws: AoEWireError.self) {
            try decode(registers.encoded.dropLast()) { try ATARegisters(decoding: $0) }
        }
    }

    @Test(arguments: [
        (0x20 as UInt8, ATACommand.read(lba: 0x403_0201)), (0x24, .read(lba: 0x0605_f403_0201)),
        (0x30, .write(lba: 0x403_0201, isForced: false)),
        (0x34, .write(lba: 0x0605_f403_0201, isForced: false)),
        (0x3d, .write(lba: 0x0605_f403_0201, isForced: true)), (0xe7, .flush), (0xea, .flush),
        (0xec, .identify), (0xe5, .checkPower), (0xef, .setWriteCache(true)), (0xb0, .other),
        (0x42, .verify(lba: 0x0605_f403_0201)),
    ])
    func `commands are sorted, and short addresses are cut`(code: UInt8, command: ATACommand) {
        let registers = ATARegisters(command: code, feature: 2, lba: 0x0605_f403_0201)
        #expect(ATACommand(registers) == command)
    }

    @Test func `random bytes are decoded or refused, never more`() {
        var random = SeededGenerator(seed: 88)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...80, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            if count > 13, Bool.random(using: &random) { (bytes[12], bytes[13]) = (0x88, 0xa2) }
            let header = try? decode(bytes) { try AoEHeader(decoding: $0) }
            if let header {
                #expect(Array(header.frame().prefix(24)) == Array(bytes.prefix(24)))
            }
            if let config = try? decode(bytes, { try AoEConfig(decodingAnswer: $0) }) {
                let length = config.encoded.count
                #expect(config.encoded == Array(bytes.prefix(length)))
            }
            let masks = try? decode(bytes) { try AoEMaskList(decoding: $0) }
            #expect((masks?.directives.count ?? 0) * 8 <= count)
            let hosts = try? decode(bytes) { try AoEReserveList(decoding: $0) }
            #expect((hosts?.hosts.count ?? 0) * 6 <= count)
            _ = try? decode(bytes) { try ATARegisters(decoding: $0) }
        }
    }
}
