import Bytes
import NFSWire
import Testing

@Suite struct RPCMessageTests {
    @Test func `has the bytes of RFC 5531`() {
        let call = RPCMessage.call(.null, id: 0x0102_0304)
        let expected: [UInt32] = [
            0x8000_0000 | UInt32(call.count - 4), 0x0102_0304, 0, 2, 100_003, 3, 0,
            1, 28, 0, 6, 0x6272_6964, 0x6765_0000, 0, 0, 0, 0, 0,
        ]
        let bytes = expected.flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) }
        }
        #expect(call == bytes)
    }

    @Test func `counts the data that follows`() throws {
        let handle = try #require(FileHandle([1, 2, 3, 4]))
        let request = NFSRequest.write(handle, offset: 0, count: 3, .unstable)
        let call = RPCMessage.call(request, id: 1, payloadCount: 4)
        let mark = call[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        #expect(try RPCMessage.recordLength(mark: mark) == call.count - 4 + 4)
    }

    @Test func `refuses records in pieces, empty ones and endless ones`() {
        for mark: UInt32 in [0, 100, 0x8000_0000, 0x8000_0007, 0xffff_ffff, 0x8020_0000] {
            #expect(throws: BytesError.self) { try RPCMessage.recordLength(mark: mark) }
        }
        #expect(throws: Never.self) {
            try RPCMessage.recordLength(mark: 0x8000_0000 | UInt32(NFSLimits.message))
        }
    }

    private func header(_ words: [UInt32]) throws(BytesError) -> RPCReplyHeader {
        var writer = XDRWriter()
        for word in words { writer.write(word) }
        var result: Result<RPCReplyHeader, BytesError> = .failure(.notUTF8)
        writer.bytes.withUnsafeBytes { raw in
            var reader = XDRReader(raw)
            do throws(BytesError) { result = .success(try RPCReplyHeader(&reader)) } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    @Test func `tells an accepted call from one that was not run`() throws {
        #expect(try header([7, 1, 0, 0, 0, 0]).isAccepted)
        #expect(try !header([7, 1, 0, 0, 0, 4]).isAccepted)
        #expect(try !header([7, 1, 1, 0]).isAccepted)
        #expect(try header([7, 1, 0, 0, 0, 0]).id == 7)
    }

    @Test func `refuses a call where a reply belongs, and a verifier without end`() {
        #expect(throws: BytesError.self) { try header([7, 0, 0, 0, 0, 0]) }
        #expect(throws: BytesError.self) { try header([7, 1, 0, 0, 0xffff_fff0, 0]) }
        #expect(throws: BytesError.self) { try header([7]) }
    }
}
