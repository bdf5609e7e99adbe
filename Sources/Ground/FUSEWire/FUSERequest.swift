public import Bytes

/// The header of every request (struct fuse_in_header).
public struct FUSERequestHeader: Equatable, Sendable {
    /// Bytes of the header.
    public static let size = 40

    /// Length of the whole request in bytes.
    public var length: UInt32
    /// What is asked for; see `FUSEOpcode`, which may not know it.
    public var opcode: UInt32
    /// Pairs the answer with the request.
    public var unique: UInt64
    /// The node that the request is about.
    public var node: UInt64
    /// The caller's user id.
    public var user: UInt32
    /// The caller's group id.
    public var group: UInt32
    /// The caller's process id.
    public var process: UInt32

    /// Decodes a header; `available` is how many bytes the kernel gave for the whole request.
    public init(
        _ reader: inout ByteReader, available: Int
    ) throws(BytesError) {
        length = try reader.integer()
        opcode = try reader.integer()
        unique = try reader.integer()
        node = try reader.integer()
        user = try reader.integer()
        group = try reader.integer()
        process = try reader.integer()
        try reader.skip(4)
        guard Int(length) == available else {
            throw .invalid(field: "request length", value: UInt64(length))
        }
    }
}

/// New attributes of a node (struct fuse_setattr_in).
public struct FUSESetAttributes: Equatable, Sendable {
    /// Which of the fields count.
    public var mask: FUSESetAttributesMask
    /// Size in bytes.
    public var size: UInt64
    /// Time of last access: seconds and nanoseconds.
    public var accessTime: FUSETime
    /// Time of last modification.
    public var modificationTime: FUSETime
    /// Kind and permission bits.
    public var mode: UInt32
    /// Owner.
    public var user: UInt32
    /// Group.
    public var group: UInt32

    init(_ reader: inout ByteReader) throws(BytesError) {
        mask = FUSESetAttributesMask(rawValue: try reader.integer())
        try reader.skip(12)  // padding, fh
        size = try reader.integer()
        try reader.skip(8)  // lock_owner
        let seconds: (UInt64, UInt64) = (try reader.integer(), try reader.integer())
        try reader.skip(8)  // ctime
        accessTime = FUSETime(seconds: seconds.0, nanoseconds: try reader.integer())
        modificationTime = FUSETime(seconds: seconds.1, nanoseconds: try reader.integer())
        try reader.skip(4)  // ctimensec
        mode = try reader.integer()
        try reader.skip(4)
        user = try reader.integer()
        group = try reader.integer()
        try reader.skip(4)
    }
}

/// A moment, in seconds (a signed number, kept as its bits) and nanoseconds since the epoch.
public struct FUSETime: Equatable, Sendable {
    /// Seconds.
    public var seconds: UInt64
    /// Nanoseconds within the second.
    public var nanoseconds: UInt32

    /// Makes a moment.
    public init(seconds: UInt64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// What the kernel offers in FUSE_INIT (struct fuse_init_in).
public struct FUSEInitOffer: Equatable, Sendable {
    /// Protocol version.
    public var major: UInt32
    /// Protocol version.
    public var minor: UInt32
    /// Most bytes read ahead.
    public var maximumReadahead: UInt32
    /// What the kernel can do.
    public var flags: FUSEInitFlags
}

/// A request, decoded.
///
/// Names and targets are bytes, without the NUL that ends them on the wire.
public enum FUSECall: Equatable, Sendable {
    case `init`(FUSEInitOffer)
    case lookup(name: [UInt8])
    /// No answer.
    case forget(count: UInt64)
    /// No answer; pairs of node and count.
    case batchForget([FUSEForgetting])
    case getattr
    case setattr(FUSESetAttributes)
    case readlink
    /// Open a file for reading, writing or both, by open(2)'s flags.
    case open(flags: UInt32)
    case symlink(name: [UInt8], target: [UInt8])
    case mknod(name: [UInt8], mode: UInt32, device: UInt32)
    case mkdir(name: [UInt8], mode: UInt32)
    case unlink(name: [UInt8])
    case rmdir(name: [UInt8])
    case rename(name: [UInt8], newParent: UInt64, newName: [UInt8], flags: UInt32)
    case link(node: UInt64, name: [UInt8])
    case read(offset: UInt64, count: Int)
    /// The data are the request's last `count` bytes.
    case write(offset: UInt64, count: Int, killsSetIDs: Bool)
    case statfs
    case fsync(dataOnly: Bool)
    case fsyncdir(dataOnly: Bool)
    case setxattr(name: [UInt8], value: [UInt8], flags: UInt32)
    /// `limit` 0 asks for the size.
    case getxattr(name: [UInt8], limit: Int)
    /// `limit` 0 asks for the size.
    case listxattr(limit: Int)
    case removexattr(name: [UInt8])
    case readdir(offset: UInt64, limit: Int)
    case readdirplus(offset: UInt64, limit: Int)
    case fallocate(offset: UInt64, length: UInt64, mode: UInt32)
    case lseek(offset: UInt64, whence: UInt32)
    case destroy
    /// Known to the protocol and not decoded, or unknown: to be answered with ENOSYS.
    case other(opcode: UInt32)
}

/// One entry of a BATCH_FORGET (struct fuse_forget_one).
public struct FUSEForgetting: Equatable, Sendable {
    /// The node.
    public var node: UInt64
    /// How many lookups of it the kernel gives back.
    public var count: UInt64
}
