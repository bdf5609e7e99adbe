import Bytes
import FUSEWire
import Testing

@Suite struct FUSEReplyTests {
    static let attributes = FUSEAttributes(
        inode: 7, size: 8, blocks: 9, accessTime: FUSETime(seconds: 1, nanoseconds: 2),
        modificationTime: FUSETime(seconds: 3, nanoseconds: 4),
        changeTime: FUSETime(seconds: 5, nanoseconds: 6), mode: 0o100644, linkCount: 1, user: 10,
        group: 11, device: 12, blockSize: 4096)

    static func integers<Integer: FixedWidthInteger>(
        _ bytes: [UInt8], at offset: Int, count: Int
    ) throws -> [Integer] {
        var reader = ByteReader(bytes[offset...])
        return try (0..<count).map { _ in try reader.integer() }
    }

    @Test func `has a length, an error and the request's number`() {
        #expect(
            FUSEReply.done.encoded(unique: 0x0102)
                == [16, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0])
        #expect(
            FUSEReply.failure(2).encoded(unique: 1)
                == [16, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0])
        #expect(FUSEReply.header(unique: 1, dataCount: 5)[0] == 21)
    }

    @Test func `places every attribute where the kernel looks for it`() throws {
        let bytes = FUSEReply.attributes(Self.attributes, seconds: 99).encoded(unique: 1)
        #expect(bytes.count == 16 + 16 + FUSEAttributes.size)
        #expect(try Self.integers(bytes, at: 16, count: 1) == [99 as UInt64])
        #expect(try Self.integers(bytes, at: 32, count: 6) == [7, 8, 9, 1, 3, 5] as [UInt64])
        #expect(
            try Self.integers(bytes, at: 80, count: 10)
                == [2, 4, 6, 0o100644, 1, 10, 11, 12, 4096, 0] as [UInt32])
    }

    @Test func `places an entry before its attributes`() throws {
        let entry = FUSEEntry(
            node: 5, generation: 6, nameSeconds: 7, attributeSeconds: 8,
            attributes: Self.attributes)
        let bytes = FUSEReply.entry(entry).encoded(unique: 1)
        #expect(bytes.count == 16 + FUSEEntry.size)
        #expect(try Self.integers(bytes, at: 16, count: 6) == [5, 6, 7, 8, 0, 7] as [UInt64])
    }

    @Test func `answers FUSE_INIT in the size of protocol 7.23 and later`() throws {
        let answer = FUSEInitAnswer(
            maximumReadahead: 1 << 20, flags: [.asyncRead, .exportSupport], maximumBackground: 64)
        let bytes = FUSEReply.`init`(answer).encoded(unique: 1)
        #expect(bytes.count == 16 + 64)
        #expect(try Self.integers(bytes, at: 16, count: 4) == [7, 38, 1 << 20, 17] as [UInt32])
        #expect(try Self.integers(bytes, at: 32, count: 2) == [64, 48] as [UInt16])
        #expect(try Self.integers(bytes, at: 36, count: 2) == [1 << 20, 1] as [UInt32])
        #expect(try Self.integers(bytes, at: 44, count: 1) == [256 as UInt16])
    }

    @Test func `describes a file system`() throws {
        let statistics = FUSEStatistics(
            blocks: (1, 2, 3), files: (4, 5), blockSize: 6, fragmentSize: 7, nameLength: 255)
        let bytes = FUSEReply.statistics(statistics).encoded(unique: 1)
        #expect(bytes.count == 16 + 80)
        #expect(try Self.integers(bytes, at: 16, count: 5) == [1, 2, 3, 4, 5] as [UInt64])
        #expect(try Self.integers(bytes, at: 56, count: 3) == [6, 255, 7] as [UInt32])
    }

    @Test func `carries counts, positions and data`() {
        #expect(FUSEReply.written(9).encoded(unique: 1).dropFirst(16) == [9, 0, 0, 0, 0, 0, 0, 0])
        #expect(FUSEReply.attributeSize(9).encoded(unique: 1).count == 24)
        #expect(FUSEReply.position(1).encoded(unique: 1).dropFirst(16).first == 1)
        #expect(FUSEReply.data([4, 5]).encoded(unique: 1).dropFirst(16) == [4, 5])
    }
}

@Suite struct FUSEDirectoryWriterTests {
    @Test func `pads every record to eight bytes`() throws {
        var writer = FUSEDirectoryWriter(limit: 4096)
        writer.append(name: [97, 98, 99], inode: 5, offset: 3, kind: 8)
        #expect(writer.bytes.count == 32)
        #expect(
            try FUSEReplyTests.integers(writer.bytes, at: 0, count: 2) == [5, 3] as [UInt64])
        #expect(
            try FUSEReplyTests.integers(writer.bytes, at: 16, count: 2) == [3, 8] as [UInt32])
        #expect(writer.bytes[24...] == [97, 98, 99, 0, 0, 0, 0, 0])
    }

    @Test func `says when a record no longer fits`() {
        var writer = FUSEDirectoryWriter(limit: 64)
        #expect(writer.fits(nameCount: 40, plus: false))
        #expect(!writer.fits(nameCount: 41, plus: false))
        #expect(!writer.fits(nameCount: 1, plus: true))
        writer.append(name: [97], inode: 5, offset: 3, kind: 8)
        #expect(writer.fits(nameCount: 8, plus: false))
        #expect(!writer.fits(nameCount: 9, plus: false))
    }

    @Test func `places an entry before its record`() {
        var writer = FUSEDirectoryWriter(limit: 4096)
        let nowhere = FUSEEntry(
            node: 0, generation: 0, nameSeconds: 0, attributeSeconds: 0, attributes: nil)
        writer.append(name: [97], inode: 5, offset: 3, kind: 4, entry: nowhere)
        #expect(writer.bytes.count == FUSEEntry.size + 32)
        #expect(writer.bytes[..<FUSEEntry.size].allSatisfy { $0 == 0 })
    }

    @Test func `an open file has a handle and flags`() {
        let bytes = FUSEReply.opened(handle: 9, flags: [.directIO, .noFlush]).encoded(unique: 3)
        #expect(bytes.count == 32 && bytes[0] == 32)
        #expect(Array(bytes[16...]) == [9, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 0, 0])
    }
}
