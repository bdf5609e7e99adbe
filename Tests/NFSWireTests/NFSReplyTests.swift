import Bytes
import NFSWire
import Testing

@Suite struct NFSReplyTests {
    @Test func `decodes attributes`() throws {
        let bytes = Sample.attributes().bytes
        #expect(bytes.count == 84)
        let attributes = try decode(bytes, as: NFSAttributesReply.self).attributes
        #expect(attributes.type == .regular)
        #expect(attributes.mode == 0o644)
        #expect(attributes.user == 1000 && attributes.group == 1001)
        #expect(attributes.size == 7 && attributes.used == 4096)
        #expect(attributes.deviceMajor == 8 && attributes.deviceMinor == 1)
        #expect(attributes.fileSystem == 0xfeed && attributes.fileID == 42)
        #expect(attributes.changed == NFSTime(seconds: 30, nanoseconds: 31))
    }

    @Test(arguments: [0, 8, .max] as [UInt32])
    func `rejects a kind of file that there is not`(type: UInt32) {
        #expect(throws: BytesError.invalid(field: "file type", value: UInt64(type))) {
            try decode(Sample.attributes(type: type).bytes, as: NFSAttributesReply.self)
        }
    }

    @Test func `keeps nanoseconds below a second`() throws {
        var bytes = Sample.attributes().bytes
        bytes.replaceSubrange(80..<84, with: [0xff, 0xff, 0xff, 0xff])
        let attributes = try decode(bytes, as: NFSAttributesReply.self).attributes
        #expect(attributes.changed.nanoseconds == 999_999_999)
    }

    @Test func `finds the data of a read where it lies`() throws {
        var writer = XDRWriter()
        writer.write(false)
        writer.write(UInt32(3))
        writer.write(true)
        writer.write([9, 8, 7])
        let reply = try decode(writer.bytes, as: NFSReadReply.self)
        #expect(reply.isEnd)
        #expect(Array(writer.bytes[reply.data]) == [9, 8, 7])
    }

    @Test func `rejects a write that was stored in no known way`() {
        var writer = XDRWriter()
        writer.write(false)
        writer.write(false)
        writer.write(UInt32(1))
        writer.write(UInt32(3))
        writer.write(UInt64(0))
        #expect(throws: BytesError.invalid(field: "committed", value: 3)) {
            try decode(writer.bytes, as: NFSWriteReply.self)
        }
    }

    @Test func `never reads past a reply that is cut short`() {
        func isRefused<Reply: NFSReply>(_ whole: [UInt8], _ type: Reply.Type) -> Bool {
            (0..<whole.count).allSatisfy { (try? decode(Array(whole[..<$0]), as: type)) == nil }
        }
        var lookup = XDRWriter()
        lookup.write([1, 2, 3, 4])
        lookup.write(true)
        #expect(isRefused(lookup.bytes + Sample.attributes().bytes, NFSLookupReply.self))
        #expect(isRefused(Sample.attributes().bytes, NFSAttributesReply.self))
        #expect(isRefused([UInt8](repeating: 0, count: 44), NFSSpaceReply.self))
        #expect(isRefused([UInt8](repeating: 0, count: 16), NFSCommitReply.self))
        #expect(isRefused([UInt8](repeating: 0, count: 24), NFSPathReply.self))
        #expect(isRefused([UInt8](repeating: 0, count: 36), NFSInfoReply.self))
        #expect(isRefused([UInt8](repeating: 0, count: 16), NFSRenameReply.self))
    }

    /// Whatever the bytes are, every decoder ends, in a value or an error.
    @Test func `survives random bytes`() {
        var generator = SystemRandomNumberGenerator()
        let types: [any NFSReply.Type] = [
            NFSNothing.self, NFSAttributesReply.self, NFSChangeReply.self, NFSLookupReply.self,
            NFSLinkTargetReply.self, NFSReadReply.self, NFSWriteReply.self, NFSCreateReply.self,
            NFSLinkReply.self, NFSRenameReply.self, NFSSpaceReply.self, NFSInfoReply.self,
            NFSPathReply.self, NFSCommitReply.self, NFSListingReply.self,
            NFSListingPlusReply.self,
        ]
        for round in 0..<3_000 {
            let count = Int.random(in: 0..<200, using: &generator)
            // Small words make plausible flags and lengths.
            let bytes = (0..<count).map { index -> UInt8 in
                index % 4 == 3
                    ? .random(in: 0...4, using: &generator)
                    : round % 2 == 0 ? 0 : .random(in: 0...255, using: &generator)
            }
            for type in types { _ = try? decode(bytes, as: type) }
        }
    }
}
