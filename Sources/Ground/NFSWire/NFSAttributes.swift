import Bytes

/// Kind of a file.
///
/// RFC 1813, section 2.6 (ftype3).
public enum NFSFileType: UInt32, Sendable {
    case regular = 1
    case directory, blockDevice, characterDevice, symbolicLink, socket, fifo
}

/// A time.
///
/// RFC 1813, section 2.6 (nfstime3).
public struct NFSTime: Equatable, Sendable {
    /// Seconds since the epoch, unsigned: the format ends in 2106.
    public var seconds: UInt32
    /// Nanoseconds, below 1,000,000,000.
    public var nanoseconds: UInt32

    /// Makes a time.
    public init(seconds: UInt32, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    init(_ reader: inout XDRReader) throws(BytesError) {
        seconds = try reader.word()
        // A server that sends more than a second of nanoseconds gets less than one.
        nanoseconds = min(try reader.word(), 999_999_999)
    }
}

/// What a server says of a file.
///
/// RFC 1813, section 2.6 (fattr3).
public struct NFSAttributes: Equatable, Sendable {
    /// Kind of file.
    public var type: NFSFileType
    /// Permission bits, 0o7777.
    public var mode: UInt32
    /// Number of hard links.
    public var links: UInt32
    /// Owner.
    public var user: UInt32
    /// Owning group.
    public var group: UInt32
    /// Size in bytes.
    public var size: UInt64
    /// Bytes that the file takes on its device.
    public var used: UInt64
    /// Major number of a device node.
    public var deviceMajor: UInt32
    /// Minor number of a device node.
    public var deviceMinor: UInt32
    /// The file system.
    public var fileSystem: UInt64
    /// The file's number within it.
    public var fileID: UInt64
    /// Last access.
    public var accessed: NFSTime
    /// Last change of the data.
    public var modified: NFSTime
    /// Last change of these attributes.
    public var changed: NFSTime

    init(_ reader: inout XDRReader) throws(BytesError) {
        let number = try reader.word()
        guard let type = NFSFileType(rawValue: number) else {
            throw .invalid(field: "file type", value: UInt64(number))
        }
        self.type = type
        mode = try reader.word() & 0o7777
        links = try reader.word()
        user = try reader.word()
        group = try reader.word()
        size = try reader.long()
        used = try reader.long()
        deviceMajor = try reader.word()
        deviceMinor = try reader.word()
        fileSystem = try reader.long()
        fileID = try reader.long()
        accessed = try NFSTime(&reader)
        modified = try NFSTime(&reader)
        changed = try NFSTime(&reader)
    }
}

extension XDRReader {
    /// Reads post_op_attr.
    mutating func optionalAttributes() throws(BytesError) -> NFSAttributes? {
        try flag() ? try NFSAttributes(&self) : nil
    }

    /// Reads post_op_fh3.
    mutating func optionalHandle() throws(BytesError) -> FileHandle? {
        try flag() ? try fileHandle() : nil
    }

    /// Reads wcc_data and keeps what holds after the operation.
    mutating func attributesAfter() throws(BytesError) -> NFSAttributes? {
        if try flag() { try skip(24) }
        return try optionalAttributes()
    }
}

/// How to set a time.
///
/// RFC 1813, section 2.6 (time_how).
public enum NFSTimeChange: Equatable, Sendable {
    case keep
    case serverTime
    case clientTime(NFSTime)
}

/// What to change of a file.
///
/// RFC 1813, section 2.6 (sattr3).
public struct SetAttributes: Equatable, Sendable {
    /// New permission bits.
    public var mode: UInt32?
    /// New owner.
    public var user: UInt32?
    /// New group.
    public var group: UInt32?
    /// New size in bytes.
    public var size: UInt64?
    /// New time of last access.
    public var accessed = NFSTimeChange.keep
    /// New time of last change.
    public var modified = NFSTimeChange.keep

    /// Changes nothing.
    public init() {}

    /// Whether nothing is changed.
    public var isEmpty: Bool { self == SetAttributes() }

    func encode(into writer: inout XDRWriter) {
        for field in [mode, user, group] {
            writer.write(field != nil)
            if let field { writer.write(field) }
        }
        writer.write(size != nil)
        if let size { writer.write(size) }
        for time in [accessed, modified] {
            switch time {
            case .keep: writer.write(UInt32(0))
            case .serverTime: writer.write(UInt32(1))
            case .clientTime(let time):
                writer.write(UInt32(2))
                writer.write(time.seconds)
                writer.write(time.nanoseconds)
            }
        }
    }
}
