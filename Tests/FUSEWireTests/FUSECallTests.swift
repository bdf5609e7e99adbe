import Bytes
import FUSEWire
import Testing

@Suite struct FUSECallTests {
    /// Little-endian bytes of integers, one behind the other.
    static func bytes(_ fields: [any FixedWidthInteger]) -> [UInt8] {
        var writer = ByteWriter()
        for field in fields { writer.write(field) }
        return writer.bytes
    }

    static func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    static func decode(
        _ opcode: FUSEOpcode, _ body: [UInt8], dataCount: Int = 0
    ) throws -> FUSECall {
        try FUSECall(opcode: opcode.rawValue, body: body[...], dataCount: dataCount)
    }

    @Test func `decodes a header`() throws {
        let bytes = Self.bytes([
            UInt32(40), UInt32(3), UInt64(7), UInt64(9), UInt32(1000), UInt32(100), UInt32(42),
            UInt32(0),
        ])
        var reader = ByteReader(bytes)
        let header = try FUSERequestHeader(&reader, available: 40)
        #expect(bytes.count == FUSERequestHeader.size)
        #expect(header.opcode == FUSEOpcode.getattr.rawValue)
        #expect(header.unique == 7)
        #expect(header.node == 9)
        #expect((header.user, header.group, header.process) == (1000, 100, 42))
    }

    @Test func `rejects a header whose length is not the request's`() {
        var reader = ByteReader([UInt8](repeating: 0, count: 40))
        #expect(throws: BytesError.invalid(field: "request length", value: 0)) {
            try FUSERequestHeader(&reader, available: 40)
        }
    }

    @Test func `decodes names as bytes`() throws {
        #expect(
            try Self.decode(.lookup, [0xff, 0xfe, 0x0a, 0]) == .lookup(name: [0xff, 0xfe, 0x0a]))
        #expect(
            try Self.decode(.symlink, Self.text("a") + Self.text("/b"))
                == .symlink(name: Array("a".utf8), target: Array("/b".utf8)))
        #expect(
            try Self.decode(
                .rename2, Self.bytes([UInt64(5), UInt32(1), UInt32(0)]) + [97, 0, 98, 0])
                == .rename(name: [97], newParent: 5, newName: [98], flags: 1))
        #expect(
            try Self.decode(.link, Self.bytes([UInt64(5)]) + [97, 0])
                == .link(node: 5, name: [97]))
    }

    @Test func `decodes what makes files`() throws {
        #expect(
            try Self.decode(
                .mknod,
                Self.bytes([UInt32(0o100644), UInt32(259), UInt32(0o22), UInt32(0)]) + [97, 0])
                == .mknod(name: [97], mode: 0o100644, device: 259))
        #expect(
            try Self.decode(.mkdir, Self.bytes([UInt32(0o755), UInt32(0)]) + [97, 0])
                == .mkdir(name: [97], mode: 0o755))
    }

    @Test func `decodes reads and writes`() throws {
        let read = Self.bytes([
            UInt64(0), UInt64(4096), UInt32(512), UInt32(0), UInt64(0), UInt32(0), UInt32(0),
        ])
        #expect(try Self.decode(.read, read) == .read(offset: 4096, count: 512))
        #expect(try Self.decode(.readdirplus, read) == .readdirplus(offset: 4096, limit: 512))
        let write = Self.bytes([
            UInt64(0), UInt64(9), UInt32(3), UInt32(4), UInt64(0), UInt32(0), UInt32(0),
        ])
        #expect(
            try Self.decode(.write, write, dataCount: 3)
                == .write(offset: 9, count: 3, killsSetIDs: true))
        #expect(throws: BytesError.invalid(field: "write size", value: 3)) {
            try Self.decode(.write, write, dataCount: 2)
        }
    }

    @Test func `limits the size of a read`() throws {
        let read = Self.bytes([
            UInt64(0), UInt64(0), UInt32.max, UInt32(0), UInt64(0), UInt32(0), UInt32(0),
        ])
        #expect(try Self.decode(.read, read) == .read(offset: 0, count: 1 << 20))
    }

    @Test func `decodes new attributes`() throws {
        let body = Self.bytes([
            UInt32(0x39), UInt32(0), UInt64(0), UInt64(77), UInt64(0), UInt64(11), UInt64(22),
            UInt64(33), UInt32(1), UInt32(2), UInt32(3), UInt32(0o644), UInt32(0), UInt32(5),
            UInt32(6), UInt32(0),
        ])
        #expect(body.count == 88)
        guard case .setattr(let new) = try Self.decode(.setattr, body) else {
            Issue.record("not a setattr")
            return
        }
        #expect(new.mask == [.mode, .size, .accessTime, .modificationTime])
        #expect(new.size == 77)
        #expect(new.accessTime == FUSETime(seconds: 11, nanoseconds: 1))
        #expect(new.modificationTime == FUSETime(seconds: 22, nanoseconds: 2))
        #expect((new.mode, new.user, new.group) == (0o644, 5, 6))
    }

    @Test func `decodes attributes with values`() throws {
        let body = Self.bytes([UInt32(2), UInt32(1)]) + Self.text("user.a") + [0, 9]
        #expect(
            try Self.decode(.setxattr, body)
                == .setxattr(name: Array("user.a".utf8), value: [0, 9], flags: 1))
        #expect(
            try Self.decode(.getxattr, Self.bytes([UInt32(0), UInt32(0)]) + Self.text("user.a"))
                == .getxattr(name: Array("user.a".utf8), limit: 0))
    }

    @Test func `decodes batches of forgetting and refuses a count past the end`() throws {
        let body = Self.bytes([UInt32(2), UInt32(0), UInt64(5), UInt64(1), UInt64(6), UInt64(2)])
        guard case .batchForget(let all) = try Self.decode(.batchForget, body) else {
            Issue.record("not a batch")
            return
        }
        #expect(all.map(\.node) == [5, 6])
        #expect(all.map(\.count) == [1, 2])
        #expect(throws: BytesError.truncated(needed: 32, available: 16)) {
            try FUSECall(opcode: FUSEOpcode.batchForget.rawValue, body: body[..<24])
        }
    }

    @Test func `rejects names that are empty, too long or never end`() {
        #expect(throws: BytesError.invalid(field: "name length", value: 0)) {
            try Self.decode(.lookup, [0])
        }
        #expect(throws: BytesError.tooLong(length: 1025, limit: 1024)) {
            try Self.decode(.lookup, [UInt8](repeating: 97, count: 1026) + [0])
        }
        #expect(throws: BytesError.truncated(needed: 1, available: 0)) {
            try Self.decode(.lookup, [97, 98])
        }
    }

    @Test(arguments: FUSEOpcode.allCases)
    func `never reads past the end of a request`(opcode: FUSEOpcode) {
        let body = [UInt8](repeating: 1, count: 96)
        for count in 0..<body.count {
            // Decoding or an error are both right; a trap is not.
            _ = try? FUSECall(opcode: opcode.rawValue, body: body[..<count])
        }
    }

    @Test func `opening brings the flags of open(2)`() throws {
        let body: [UInt8] = [2, 0x80, 0, 0, 0, 0, 0, 0]
        #expect(try FUSECall(opcode: 14, body: body[...]) == .open(flags: 0x8002))
    }

    @Test func `passes on what it does not know`() throws {
        #expect(try FUSECall(opcode: 4096, body: []) == .other(opcode: 4096))
        #expect(try Self.decode(.release, []) == .other(opcode: 18))
    }
}
