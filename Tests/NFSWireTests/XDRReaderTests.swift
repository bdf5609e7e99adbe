import Bytes
import NFSWire
import Testing

@Suite struct XDRReaderTests {
    @Test func `reads what the writer wrote`() throws {
        var writer = XDRWriter()
        writer.write(UInt32(0x0102_0304))
        writer.write(UInt64(0x0506_0708_090a_0b0c))
        writer.write(true)
        writer.write([1, 2, 3, 4, 5])
        #expect(writer.bytes.count == 4 + 8 + 4 + 4 + 8)
        try writer.bytes.withUnsafeBytes { raw in
            var reader = XDRReader(raw)
            let (word, long, flag) = (try reader.word(), try reader.long(), try reader.flag())
            let data = Array(try reader.opaque(limit: 5))
            #expect(word == 0x0102_0304 && long == 0x0506_0708_090a_0b0c && flag)
            #expect(data == [1, 2, 3, 4, 5])
            #expect(reader.remaining == 0)
        }
    }

    @Test func `rejects a length past its limit, whatever it is`() {
        for length: UInt32 in [6, 1 << 20, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff] {
            var writer = XDRWriter()
            writer.write(length)
            writer.write(UInt64(0))
            writer.bytes.withUnsafeBytes { raw in
                var reader = XDRReader(raw)
                #expect(throws: BytesError.tooLong(length: Int(length), limit: 5)) {
                    try reader.opaque(limit: 5)
                }
            }
        }
    }

    @Test func `rejects data that ends before its length, padding included`() {
        for count in 0..<8 {
            let bytes: [UInt8] = [0, 0, 0, 5] + [UInt8](repeating: 7, count: count)
            bytes.withUnsafeBytes { raw in
                var reader = XDRReader(raw)
                #expect(throws: BytesError.truncated(needed: 8, available: count)) {
                    try reader.opaque(limit: 64)
                }
            }
        }
    }

    @Test func `rejects a bool that is neither`() {
        [UInt8]([0, 0, 0, 2]).withUnsafeBytes { raw in
            var reader = XDRReader(raw)
            #expect(throws: BytesError.invalid(field: "bool", value: 2)) { try reader.flag() }
        }
    }

    @Test func `rejects a skip past the end or backwards`() {
        [UInt8](repeating: 0, count: 8).withUnsafeBytes { raw in
            var reader = XDRReader(raw)
            #expect(throws: BytesError.self) { try reader.skip(9) }
            #expect(throws: BytesError.self) { try reader.skip(-1) }
        }
    }
}
