import Testing

@testable import Catalogue

@Suite struct DiskFieldTests {
    private let disk: [UInt8] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88]

    private func read(_ offset: UInt64, _ count: Int) -> [UInt8]? {
        guard offset <= 8, UInt64(count) <= 8 - offset else { return nil }
        return Array(disk[Int(offset)..<Int(offset) + count])
    }

    @Test(
        arguments: [
            ("u8@0", 1), ("u8@7", 0x88), ("u16le@0", 0x0201), ("u16be@0", 0x0102),
            ("u32le@0", 0x0403_0201), ("u32be@1", 0x0203_0405), ("u64le@0", 0x8807_0605_0403_0201),
            ("u64be@0", 0x0102_0304_0506_0788),
        ] as [(String, UInt64)])
    func `reads widths and byte orders`(_ text: String, _ value: UInt64) throws {
        #expect(try #require(DiskField(text)).value(read) == value)
    }

    @Test func `has no value past the end`() throws {
        #expect(try #require(DiskField("u16le@7")).value(read) == nil)
        #expect(try #require(DiskField("u8@18446744073709551615")).value(read) == nil)
        #expect(try !#require(DiskCondition("u16le@7 == 0")).holds(read))
        #expect(try !#require(DiskCondition("u16le@7 != 0")).holds(read))
    }

    @Test(arguments: ["", "u8", "u8@", "@1", "u16@0", "u8@-1", "u8@1@2", "u24le@0", "u8@x"])
    func `refuses what is no field`(_ text: String) {
        #expect(DiskField(text) == nil)
    }

    @Test(arguments: [
        ("u8@0 == 1", true), ("u8@0 != 1", false), ("u8@7 & 0x80 != 0", true),
        ("u8@7 & 0x70 == 0", true), ("u8@7 > 135", true), ("u8@7 > 136", false),
    ])
    func `answers questions`(_ text: String, _ answer: Bool) throws {
        #expect(try #require(DiskCondition(text)).holds(read) == answer)
    }

    @Test(arguments: [
        "", "u8@0", "u8@0 = 1", "u8@0 & 1", "u8@0 & x == 1", "u8@0 | 1 == 1", "1 == 1",
    ])
    func `refuses what is no question`(_ text: String) {
        #expect(DiskCondition(text) == nil)
    }

    @Test func `computes units`() throws {
        #expect(try #require(DiskUnit("4096")).bytes(read) == 4096)
        #expect(try #require(DiskUnit("u16le@0")).bytes(read) == 0x0201)
        #expect(try #require(DiskUnit("1024 << u8@1")).bytes(read) == 4096)
        #expect(try #require(DiskUnit("1 << u8@7")).bytes(read) == nil)
        #expect(DiskUnit("u8@0 << 4") == nil)
    }

    @Test func `matches signatures from both ends`() throws {
        #expect(try #require(Signature("0304@2")).matches(read, size: 8))
        #expect(try #require(Signature("0788@-2")).matches(read, size: 8))
        #expect(try !#require(Signature("0788@-9")).matches(read, size: 8))
        #expect(try !#require(Signature("8899@7")).matches(read, size: 8))
        for bad in ["", "@0", "0@0", "zz@0", "00", "00@x"] { #expect(Signature(bad) == nil) }
    }
}
