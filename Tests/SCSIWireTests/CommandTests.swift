import SCSIWire
import Testing

@Suite struct CommandTests {
    @Test func `fields are read where they lie`() {
        let block = SCSICommandBlock((0..<16).map { UInt8($0 + 1) })
        #expect(block.opcode == 1 && block[15] == 16 && block[16] == 0 && block[-1] == 0)
        #expect(block.word(at: 7) == 0x0809)
        #expect(block.long(at: 2) == 0x0304_0506)
        #expect(block.quad(at: 2) == 0x0304_0506_0708_090A)
        #expect(block.bytes == (1...16).map { UInt8($0) })
    }

    @Test(arguments: 0...20) func `a block of any length is filled up or cut to sixteen bytes`(
        length: Int
    ) {
        let bytes = (0..<length).map { UInt8($0 + 1) }
        let block = SCSICommandBlock(bytes)
        let expected = Array((bytes + [UInt8](repeating: 0, count: 16)).prefix(16))
        #expect(block.bytes == expected)
        #expect(bytes.withUnsafeBytes { SCSICommandBlock(raw: $0) } == block)
    }

    @Test func `the table ascends, without a command twice`() {
        let names = SCSICommandTable.all.map {
            UInt32($0.opcode) << 16 | UInt32($0.serviceAction ?? 0)
        }
        #expect(names == names.sorted() && Set(names).count == names.count)
    }

    @Test func `each command has the length that its code says`() {
        for row in SCSICommandTable.all {
            let length =
                switch row.opcode >> 5 {
                case 0: 6
                case 1, 2: 10
                case 4: 16
                default: 12
                }
            #expect(row.usage.count == length)
            #expect(row.usage[0] == row.opcode)
        }
    }

    @Test func `a block finds its own row, by service action too`() throws {
        for row in SCSICommandTable.all {
            var bytes = [UInt8](repeating: 0, count: 16)
            bytes[0] = row.opcode
            bytes[1] = UInt8(truncatingIfNeeded: row.serviceAction ?? 0)
            let shape = try SCSICommandTable.shape(of: SCSICommandBlock(bytes))
            #expect(shape == row.shape)
            #expect(SCSICommandBlock(bytes).bits & ~shape.allowed == 0)
        }
    }

    @Test func `an operation code that is not there is told apart from a service action`() {
        #expect(throws: SCSISense(.illegalRequest, .invalidOpcode)) {
            try SCSICommandTable.shape(of: SCSICommandBlock([0xEE]))
        }
        #expect(throws: SCSISense.field(1, bit: 4)) {
            try SCSICommandTable.shape(of: SCSICommandBlock([0x9E, 0x1F]))
        }
    }

    @Test func `addresses and counts come from every form`() {
        let all = SCSICommandBlock([UInt8](repeating: 0xFF, count: 16))
        func shape(_ form: SCSIBlockForm) -> SCSICommandShape {
            SCSICommandShape(command: .read, form: form, traits: [], allowed: 0)
        }
        #expect(shape(.six).address(of: all) == 0x1F_FFFF && shape(.six).count(of: all) == 255)
        #expect(shape(.six).count(of: SCSICommandBlock([8])) == 256)
        #expect(shape(.ten).address(of: all) == 0xFFFF_FFFF && shape(.ten).count(of: all) == 0xFFFF)
        #expect(shape(.twelve).count(of: all) == 0xFFFF_FFFF)
        #expect(shape(.sixteen).address(of: all) == .max)
        #expect(shape(.sixteen).count(of: all) == 0xFFFF_FFFF)
        #expect(shape(.sixteenShort).count(of: all) == 255)
        #expect(shape(.sixteenWord).count(of: all) == 0xFFFF)
        #expect(shape(.none).address(of: all) == 0 && shape(.none).count(of: all) == 0)
    }
}
