import Bytes
import Testing

@Suite struct ByteWriterTests {
    @Test func `writes the bytes that the format names`() {
        var writer = ByteWriter()
        writer.write(UInt16(0x0102))
        writer.writeBigEndian(UInt16(0x0102))
        writer.write(true)
        writer.write([7, 8] as [UInt8])
        writer.write("é")
        #expect(
            writer.bytes == [2, 1, 1, 2, 1, 2, 0, 0, 0, 7, 8, 2, 0, 0, 0, 0xc3, 0xa9])
    }

    @Test func `what is written reads back`() throws {
        var writer = ByteWriter(capacity: 0)
        writer.write(Int64.min)
        writer.write(UInt64.max)
        writer.writeBigEndian(Int32(-2))
        writer.write("")
        writer.write(["a", "", "grüße"])
        writer.writeRaw([1, 2, 3])
        var reader = ByteReader(writer.bytes)
        #expect(try reader.integer(as: Int64.self) == .min)
        #expect(try reader.integer(as: UInt64.self) == .max)
        #expect(try reader.bigEndian(as: Int32.self) == -2)
        #expect(try reader.text() == "")
        #expect(try reader.texts() == ["a", "", "grüße"])
        #expect(try Array(reader.raw(3)) == [1, 2, 3])
        try reader.finish()
    }

    @Test func `patches a length that is known only later`() {
        var writer = ByteWriter()
        writer.write(UInt32(0))
        writer.write(UInt8(9))
        writer.patch(0x0403_0201, at: 0)
        #expect(writer.bytes == [1, 2, 3, 4, 9])
    }

    @Test func `a patch outside what was written stops the program`() async {
        await #expect(processExitsWith: .failure) {
            var writer = ByteWriter()
            writer.write(UInt8(1))
            writer.patch(1, at: 0)
        }
    }
}
