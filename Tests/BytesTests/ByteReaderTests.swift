import Bytes
import Testing

@Suite struct ByteReaderTests {
    @Test func `reads integers in both orders`() throws {
        var reader = ByteReader([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07] as [UInt8])
        #expect(try reader.integer(as: UInt16.self) == 0x0201)
        #expect(try reader.bigEndian(as: UInt32.self) == 0x0304_0506)
        #expect(try reader.integer(as: UInt8.self) == 7)
        try reader.finish()
    }

    @Test func `reads from the middle of another array`() throws {
        let whole: [UInt8] = [9, 9, 1, 0, 9]
        var reader = ByteReader(whole[2..<4])
        #expect(reader.remaining == 2)
        #expect(try reader.integer(as: UInt16.self) == 1)
        #expect(reader.remaining == 0)
    }

    @Test func `rejects a read past the end and stays where it was`() throws {
        var reader = ByteReader([1, 2, 3] as [UInt8])
        #expect(throws: BytesError.truncated(needed: 4, available: 3)) {
            try reader.integer(as: UInt32.self)
        }
        #expect(throws: BytesError.truncated(needed: 9, available: 3)) { try reader.raw(9) }
        #expect(reader.remaining == 3)
    }

    @Test func `rejects a negative count`() {
        var reader = ByteReader([1, 2, 3] as [UInt8])
        #expect(throws: BytesError.truncated(needed: -1, available: 3)) { try reader.skip(-1) }
    }

    @Test func `rejects a truth value other than 0 and 1`() throws {
        var reader = ByteReader([0, 1, 2] as [UInt8])
        #expect(try reader.bool() == false)
        #expect(try reader.bool() == true)
        #expect(throws: BytesError.invalid(field: "bool", value: 2)) { try reader.bool() }
    }

    @Test func `rejects a blob past its limit before looking for its bytes`() {
        var reader = ByteReader([0xff, 0xff, 0xff, 0xff] as [UInt8])
        #expect(throws: BytesError.tooLong(length: 0xffff_ffff, limit: 16)) {
            try reader.blob(limit: 16)
        }
    }

    @Test func `rejects a blob that is cut short`() {
        var reader = ByteReader([5, 0, 0, 0, 1, 2] as [UInt8])
        #expect(throws: BytesError.truncated(needed: 5, available: 2)) { try reader.blob() }
    }

    @Test func `rejects text that is not UTF-8`() {
        var reader = ByteReader([2, 0, 0, 0, 0xc3, 0x28] as [UInt8])
        #expect(throws: BytesError.notUTF8) { try reader.text() }
    }

    @Test func `rejects more texts than the limit`() {
        var reader = ByteReader([3, 0, 0, 0] as [UInt8])
        #expect(throws: BytesError.tooLong(length: 3, limit: 2)) { try reader.texts(limit: 2) }
    }

    @Test func `rejects bytes behind the last field`() {
        let reader = ByteReader([1, 2] as [UInt8])
        #expect(throws: BytesError.trailing(count: 2)) { try reader.finish() }
    }
}
