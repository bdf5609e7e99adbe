import Bytes
import GuestWire
import Testing

@Suite struct FrameTests {
    @Test func `has the bytes of the wire description`() {
        let frame = Frame(kind: 0x0102, id: 0x0304_0506, payload: [0xaa, 0xbb])
        #expect(frame.encoded == [8, 0, 0, 0, 2, 1, 6, 5, 4, 3, 0xaa, 0xbb])
        #expect(frame.encoded.count == Frame.headerSize + 2)
    }

    @Test func `round-trips`() throws {
        let frame = Frame(kind: 7, id: .max, payload: Array(0...255))
        let bytes = frame.encoded
        #expect(try Frame.length(of: bytes[..<4]) == bytes.count - 4)
        #expect(try Frame(body: bytes[4...]) == frame)
    }

    @Test func `rejects a frame past the limit`() {
        let limit = GuestWire.Limits.frame
        var writer = ByteWriter()
        writer.write(UInt32(limit + 1))
        #expect(throws: BytesError.tooLong(length: limit + 1, limit: limit)) {
            try Frame.length(of: writer.bytes)
        }
    }

    @Test(arguments: [0, 1, 5] as [UInt32])
    func `rejects a frame too short for kind and id`(length: UInt32) {
        var writer = ByteWriter()
        writer.write(length)
        #expect(throws: BytesError.invalid(field: "frame length", value: UInt64(length))) {
            try Frame.length(of: writer.bytes)
        }
    }

    @Test func `rejects a header or body that is cut short`() {
        #expect(throws: BytesError.truncated(needed: 4, available: 3)) {
            try Frame.length(of: [1, 2, 3] as [UInt8])
        }
        #expect(throws: BytesError.truncated(needed: 4, available: 1)) {
            try Frame(body: [1, 0, 9] as [UInt8])
        }
    }
}
