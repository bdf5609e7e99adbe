/// The kernel's FUSE protocol as it is spoken on /dev/fuse: values, no input or output.
///
/// Source: include/uapi/linux/fuse.h of Linux 6.1, protocol 7.38. Integers are in the machine's
/// byte order; every machine that runs the guest is little-endian, and so is this code.
public enum FUSEWire {
    /// The protocol's major version; the kernel speaks no other.
    public static let major: UInt32 = 7
    /// The minor version that this room describes.
    public static let minor: UInt32 = 38
    /// The oldest minor version whose structures have the sizes used here (7.23: fuse_init_out).
    public static let oldestMinor: UInt32 = 23
    /// The node id of a mount's root.
    public static let root: UInt64 = 1

    /// Bounds of everything foreign.
    public enum Limits {
        /// Longest file name, in bytes (FUSE_NAME_MAX).
        public static let name = 1024
        /// Longest target of a symbolic link, in bytes (PATH_MAX).
        public static let target = 4096
        /// Longest read or write, in bytes: `maximumPages` pages of 4096 bytes.
        public static let transfer = 1 << 20
        /// Most pages of one request (FUSE_MAX_MAX_PAGES).
        public static let maximumPages: UInt16 = 256
        /// A read buffer that every request fits in: the longest write and its headers, where
        /// the kernel asks for no less than 8192 bytes (FUSE_MIN_READ_BUFFER).
        public static let request = transfer + 4096
    }
}

/// What a request asks for (enum fuse_opcode); the ones the kernel may send to a file system.
public enum FUSEOpcode: UInt32, Sendable, CaseIterable {
    case lookup = 1
    case forget = 2
    case getattr = 3
    case setattr = 4
    case readlink = 5
    case symlink = 6
    case mknod = 8
    case mkdir = 9
    case unlink = 10
    case rmdir = 11
    case rename = 12
    case link = 13
    case open = 14
    case read = 15
    case write = 16
    case statfs = 17
    case release = 18
    case fsync = 20
    case setxattr = 21
    case getxattr = 22
    case listxattr = 23
    case removexattr = 24
    case flush = 25
    case `init` = 26
    case opendir = 27
    case readdir = 28
    case releasedir = 29
    case fsyncdir = 30
    case getlk = 31
    case setlk = 32
    case setlkw = 33
    case access = 34
    case create = 35
    case interrupt = 36
    case bmap = 37
    case destroy = 38
    case ioctl = 39
    case poll = 40
    case notifyReply = 41
    case batchForget = 42
    case fallocate = 43
    case readdirplus = 44
    case rename2 = 45
    case lseek = 46
    case copyFileRange = 47
    case setupMapping = 48
    case removeMapping = 49
    case syncfs = 50
    case tmpfile = 51
}

/// What kernel and file system agree on in FUSE_INIT, the lower 32 bits.
public struct FUSEInitFlags: OptionSet, Sendable {
    /// Bits of fuse_init_in.flags and fuse_init_out.flags.
    public let rawValue: UInt32
    /// Wraps the bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Several reads at once.
    public static let asyncRead = FUSEInitFlags(rawValue: 1 << 0)
    /// Lookups of `.` and `..` work, so the file system can be exported.
    public static let exportSupport = FUSEInitFlags(rawValue: 1 << 4)
    /// Writes longer than a page.
    public static let bigWrites = FUSEInitFlags(rawValue: 1 << 5)
    /// Directories are read with attributes.
    public static let doReaddirplus = FUSEInitFlags(rawValue: 1 << 13)
    /// Reads and writes past the page cache that nobody waits for go on side by side.
    public static let asyncDirectIO = FUSEInitFlags(rawValue: 1 << 15)
    /// Answering OPEN with ENOSYS ends opening: reads and writes come without a handle.
    public static let noOpenSupport = FUSEInitFlags(rawValue: 1 << 17)
    /// Lookups and reads in one directory at once.
    public static let parallelDirectoryOperations = FUSEInitFlags(rawValue: 1 << 18)
    /// `maxPages` in the answer counts.
    public static let maxPages = FUSEInitFlags(rawValue: 1 << 22)
    /// The kernel keeps targets of symbolic links.
    public static let cacheSymlinks = FUSEInitFlags(rawValue: 1 << 23)
    /// As `noOpenSupport`, for directories.
    public static let noOpendirSupport = FUSEInitFlags(rawValue: 1 << 24)
    /// The file system drops set-user-id bits when a write asks for it.
    public static let handleKillprivV2 = FUSEInitFlags(rawValue: 1 << 28)
}

/// How an open file is treated (FOPEN_…).
public struct FUSEOpenFlags: OptionSet, Sendable {
    /// Bits of fuse_open_out.open_flags.
    public let rawValue: UInt32
    /// Wraps the bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Reads and writes go past the page cache.
    public static let directIO = FUSEOpenFlags(rawValue: 1 << 0)
    /// Closing the file asks nobody (7.35).
    public static let noFlush = FUSEOpenFlags(rawValue: 1 << 5)
    /// Writes past the page cache go on side by side (7.36).
    public static let parallelDirectWrites = FUSEOpenFlags(rawValue: 1 << 6)
}

/// Which fields of a SETATTR count (FATTR_…).
public struct FUSESetAttributesMask: OptionSet, Sendable {
    /// Bits of fuse_setattr_in.valid.
    public let rawValue: UInt32
    /// Wraps the bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Permission bits.
    public static let mode = FUSESetAttributesMask(rawValue: 1 << 0)
    /// Owner.
    public static let user = FUSESetAttributesMask(rawValue: 1 << 1)
    /// Group.
    public static let group = FUSESetAttributesMask(rawValue: 1 << 2)
    /// Size.
    public static let size = FUSESetAttributesMask(rawValue: 1 << 3)
    /// Time of last access, as given.
    public static let accessTime = FUSESetAttributesMask(rawValue: 1 << 4)
    /// Time of last modification, as given.
    public static let modificationTime = FUSESetAttributesMask(rawValue: 1 << 5)
    /// Time of last access, now.
    public static let accessTimeNow = FUSESetAttributesMask(rawValue: 1 << 7)
    /// Time of last modification, now.
    public static let modificationTimeNow = FUSESetAttributesMask(rawValue: 1 << 8)
    /// Drop set-user-id and set-group-id.
    public static let killSetIDs = FUSESetAttributesMask(rawValue: 1 << 11)
}
