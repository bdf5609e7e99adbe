public import Bytes

/// What a successful call answers, after its status.
///
/// RFC 1813, section 3.3.
public protocol NFSReply {
    /// Decodes the results.
    init(decoding reader: inout XDRReader) throws(BytesError)
}

/// Bounds of what a server may send.
public enum NFSLimits {
    /// Longest read or write that is ever asked for, in bytes.
    public static let transfer = 1 << 20
    /// Longest message, in bytes: a transfer and what surrounds it.
    public static let message = transfer + 4096
    /// Longest name, in bytes (Linux NAME_MAX).
    public static let name = 255
    /// Longest target of a symbolic link, in bytes (Linux PATH_MAX).
    public static let path = 4096
}

/// NULL, and everything of which only the success matters.
public struct NFSNothing: NFSReply {
    /// Reads nothing.
    public init(decoding reader: inout XDRReader) throws(BytesError) {}
}

/// GETATTR.
public struct NFSAttributesReply: NFSReply {
    /// The file's attributes.
    public let attributes: NFSAttributes

    /// Decodes GETATTR3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        attributes = try NFSAttributes(&reader)
    }
}

/// SETATTR, REMOVE, RMDIR: what the object or folder looks like afterwards.
public struct NFSChangeReply: NFSReply {
    /// Attributes after the change, where the server says.
    public let attributes: NFSAttributes?

    /// Decodes wcc_data.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        attributes = try reader.attributesAfter()
    }
}

/// LOOKUP.
public struct NFSLookupReply: NFSReply {
    /// The file that was found.
    public let handle: FileHandle
    /// Its attributes, where the server says.
    public let attributes: NFSAttributes?

    /// Decodes LOOKUP3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        handle = try reader.fileHandle()
        attributes = try reader.optionalAttributes()
    }
}

/// READLINK.
public struct NFSLinkTargetReply: NFSReply {
    /// Where the link points.
    public let target: [UInt8]

    /// Decodes READLINK3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        _ = try reader.optionalAttributes()
        target = Array(try reader.opaque(limit: NFSLimits.path))
    }
}

/// READ.
public struct NFSReadReply: NFSReply {
    /// Attributes after the read, where the server says.
    public let attributes: NFSAttributes?
    /// Where in the message the data lies, in bytes from its start.
    public let data: Range<Int>
    /// Whether the data reaches the end of the file.
    public let isEnd: Bool

    /// Decodes READ3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        attributes = try reader.optionalAttributes()
        _ = try reader.word()
        isEnd = try reader.flag()
        data = try reader.opaqueRange(limit: NFSLimits.transfer)
    }
}

/// WRITE.
public struct NFSWriteReply: NFSReply {
    /// Attributes after the write, where the server says.
    public let attributes: NFSAttributes?
    /// How many bytes were taken.
    public let count: UInt32
    /// How durable they are.
    public let stability: NFSStability
    /// Changes when the server loses what it had not committed.
    public let verifier: UInt64

    /// Decodes WRITE3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        attributes = try reader.attributesAfter()
        count = try reader.word()
        let number = try reader.word()
        guard let stability = NFSStability(rawValue: number) else {
            throw .invalid(field: "committed", value: UInt64(number))
        }
        self.stability = stability
        verifier = try reader.long()
    }
}

/// CREATE, MKDIR, SYMLINK, MKNOD.
public struct NFSCreateReply: NFSReply {
    /// The new file, where the server says.
    public let handle: FileHandle?
    /// Its attributes, where the server says.
    public let attributes: NFSAttributes?
    /// Attributes of its folder, where the server says.
    public let directory: NFSAttributes?

    /// Decodes CREATE3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        handle = try reader.optionalHandle()
        attributes = try reader.optionalAttributes()
        directory = try reader.attributesAfter()
    }
}

/// LINK.
public struct NFSLinkReply: NFSReply {
    /// Attributes of the linked file, where the server says.
    public let attributes: NFSAttributes?
    /// Attributes of the folder with the new name, where the server says.
    public let directory: NFSAttributes?

    /// Decodes LINK3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        attributes = try reader.optionalAttributes()
        directory = try reader.attributesAfter()
    }
}

/// RENAME.
public struct NFSRenameReply: NFSReply {
    /// Attributes of the folder with the old name, where the server says.
    public let from: NFSAttributes?
    /// Attributes of the folder with the new name, where the server says.
    public let to: NFSAttributes?

    /// Decodes RENAME3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        from = try reader.attributesAfter()
        to = try reader.attributesAfter()
    }
}

/// FSSTAT.
public struct NFSSpaceReply: NFSReply {
    /// Size of the file system, in bytes.
    public let totalBytes: UInt64
    /// Free bytes.
    public let freeBytes: UInt64
    /// Free bytes that an ordinary user may take.
    public let availableBytes: UInt64
    /// Number of file slots.
    public let totalFiles: UInt64
    /// Free file slots.
    public let freeFiles: UInt64

    /// Decodes FSSTAT3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        _ = try reader.optionalAttributes()
        totalBytes = try reader.long()
        freeBytes = try reader.long()
        availableBytes = try reader.long()
        totalFiles = try reader.long()
        freeFiles = try reader.long()
    }
}

/// FSINFO: the part that matters here.
public struct NFSInfoReply: NFSReply {
    /// Longest read, in bytes.
    public let readLimit: UInt32
    /// Longest write, in bytes.
    public let writeLimit: UInt32
    /// Largest file, in bytes.
    public let fileSizeLimit: UInt64

    /// Decodes FSINFO3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        _ = try reader.optionalAttributes()
        readLimit = try reader.word()
        try reader.skip(8)
        writeLimit = try reader.word()
        try reader.skip(12)
        fileSizeLimit = try reader.long()
    }
}

/// PATHCONF: the part that matters here.
public struct NFSPathReply: NFSReply {
    /// Longest name, in bytes.
    public let nameLimit: UInt32
    /// Whether names that differ in case only name the same file.
    public let isCaseInsensitive: Bool

    /// Decodes PATHCONF3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        _ = try reader.optionalAttributes()
        _ = try reader.word()
        nameLimit = try reader.word()
        _ = try reader.flag()
        _ = try reader.flag()
        isCaseInsensitive = try reader.flag()
    }
}

/// COMMIT.
public struct NFSCommitReply: NFSReply {
    /// Changes when the server loses what it had not committed.
    public let verifier: UInt64

    /// Decodes COMMIT3resok.
    public init(decoding reader: inout XDRReader) throws(BytesError) {
        _ = try reader.attributesAfter()
        verifier = try reader.long()
    }
}
