public import BlockDevice
import Bytes
public import Platform

/// Every change of a device, in the order in which they took effect, in a file.
///
/// `docs/formats/block-log.md` is the specification. A log whose end was cut off (its writer was
/// killed) is one that is shorter.
public struct BlockLog: Sendable {
    /// What was done.
    public enum Kind: UInt8, Sendable {
        /// `write`; its content is in the log.
        case write = 1
        /// `writeZeroes`.
        case writeZeroes = 2
        /// `trim`.
        case trim = 3
        /// `flush`, once it had succeeded.
        case flush = 4
    }

    /// One call that succeeded.
    public struct Entry: Sendable, Equatable {
        /// What was done.
        public var kind: Kind
        /// Where; the empty range for a flush.
        public var range: BlockRange
        /// How.
        public var options: BlockWriteOptions
        /// Where the content is in the log's file.
        var place: UInt64
    }

    /// Why a file is not a log.
    public enum Failure: Error, Equatable, Sendable {
        /// It begins with something else.
        case foreign
        /// It holds more entries than are read.
        case tooLong
        /// It could not be read.
        case system(SystemError)
    }

    /// The most entries that are read.
    public static let entryLimit = 16 << 20

    static let magic: UInt64 = 0x4357_424c_4b4c_4f47  // "CWBLKLOG"
    static let version: UInt32 = 1
    static let headerLength = 32
    static let recordMagic: UInt32 = 0x4345_5242  // "BREC", little-endian
    static let recordLength = 24

    /// The size of the device when recording began, in bytes.
    public let deviceSize: UInt64
    /// What was done, oldest first.
    public let entries: [Entry]
    /// Where the last whole entry ends in the file.
    let end: UInt64
    private let file: OwnedFD

    /// Reads a log up to the last whole entry.
    public init(_ file: OwnedFD) throws(Failure) {
        do {
            var header = ByteReader(
                try Files.read(file, at: 0, count: Self.headerLength))
            guard try header.bigEndian(as: UInt64.self) == Self.magic,
                try header.integer(as: UInt32.self) == Self.version
            else { throw Failure.foreign }
            _ = try header.integer(as: UInt32.self)
            deviceSize = try header.integer()
            let size = try Files.status(file).size
            var entries: [Entry] = []
            var place = UInt64(Self.headerLength)
            while place + UInt64(Self.recordLength) <= size {
                let bytes = try Files.read(file, at: place, count: Self.recordLength)
                guard let (entry, next) = Self.entry(bytes, at: place), next <= size else { break }
                guard entries.count < Self.entryLimit else { throw Failure.tooLong }
                entries.append(entry)
                place = next
            }
            self.entries = entries
            end = place
        } catch let failure as Failure {
            throw failure
        } catch let error as SystemError {
            throw .system(error)
        } catch { throw .foreign }
        self.file = file
    }

    /// One record, and where the next one begins; nil where it is none.
    private static func entry(_ bytes: [UInt8], at place: UInt64) -> (Entry, UInt64)? {
        var reader = ByteReader(bytes)
        guard (try? reader.integer(as: UInt32.self)) == recordMagic,
            let kind = Kind(rawValue: (try? reader.integer()) ?? 0),
            let options: UInt8 = try? reader.integer(),
            (try? reader.integer(as: UInt16.self)) == 0,
            let offset: UInt64 = try? reader.integer(), let length: UInt64 = try? reader.integer(),
            offset < 1 << 62, length < 1 << 62
        else { return nil }
        let content = place + UInt64(recordLength)
        let entry = Entry(
            kind: kind, range: BlockRange(offset: offset, length: length),
            options: BlockWriteOptions(rawValue: options), place: content)
        return (entry, kind == .write ? content + length : content)
    }

    static func header(deviceSize: UInt64) -> [UInt8] {
        var writer = ByteWriter(capacity: headerLength)
        writer.writeBigEndian(magic)
        writer.write(version)
        writer.write(0 as UInt32)
        writer.write(deviceSize)
        writer.write(0 as UInt64)
        return writer.bytes
    }

    static func record(_ kind: Kind, _ range: BlockRange, _ options: BlockWriteOptions) -> [UInt8] {
        var writer = ByteWriter(capacity: recordLength)
        writer.write(recordMagic)
        writer.write(kind.rawValue)
        writer.write(options.rawValue)
        writer.write(0 as UInt16)
        writer.write(range.offset)
        writer.write(range.length)
        return writer.bytes
    }

    /// Reads a part of a write's content.
    func read(
        _ entry: Entry, from start: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let got = BlockIO.read(file.raw, at: entry.place + start, into: buffer)
        guard got == buffer.count else {
            let error =
                got < 0 ? BlockIO.error(got, "pread") : BlockIO.cutShort("read the block log")
            throw .medium(entry.range, error)
        }
    }
}
