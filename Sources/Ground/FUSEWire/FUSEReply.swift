import Bytes

/// A node's attributes (struct fuse_attr).
public struct FUSEAttributes: Equatable, Sendable {
    /// Bytes of the structure.
    public static let size = 88

    /// Inode number that programs see.
    public var inode: UInt64
    /// Size in bytes.
    public var size: UInt64
    /// Space taken, in units of 512 bytes.
    public var blocks: UInt64
    /// Time of last access.
    public var accessTime: FUSETime
    /// Time of last modification.
    public var modificationTime: FUSETime
    /// Time of last change of the attributes.
    public var changeTime: FUSETime
    /// Kind and permission bits.
    public var mode: UInt32
    /// Count of names.
    public var linkCount: UInt32
    /// Owner.
    public var user: UInt32
    /// Group.
    public var group: UInt32
    /// Which device a device node names, as new_encode_dev packs it.
    public var device: UInt32
    /// Preferred size of reads and writes, in bytes.
    public var blockSize: UInt32

    /// Makes attributes.
    public init(
        inode: UInt64, size: UInt64, blocks: UInt64, accessTime: FUSETime,
        modificationTime: FUSETime, changeTime: FUSETime, mode: UInt32, linkCount: UInt32,
        user: UInt32, group: UInt32, device: UInt32, blockSize: UInt32
    ) {
        self.inode = inode
        self.size = size
        self.blocks = blocks
        self.accessTime = accessTime
        self.modificationTime = modificationTime
        self.changeTime = changeTime
        self.mode = mode
        self.linkCount = linkCount
        self.user = user
        self.group = group
        self.device = device
        self.blockSize = blockSize
    }

    func write(to writer: inout ByteWriter) {
        for value in [inode, size, blocks] { writer.write(value) }
        let times = [accessTime, modificationTime, changeTime]
        for time in times { writer.write(time.seconds) }
        for time in times { writer.write(time.nanoseconds) }
        for value in [mode, linkCount, user, group, device, blockSize, 0] { writer.write(value) }
    }
}

/// A node that a name leads to, and how long the kernel may rely on it (struct fuse_entry_out).
public struct FUSEEntry: Equatable, Sendable {
    /// Bytes of the structure.
    public static let size = 40 + FUSEAttributes.size

    /// The node; 0 says that the name leads nowhere, and may be remembered as such.
    public var node: UInt64
    /// Node and generation together are never used twice.
    public var generation: UInt64
    /// How long the name stays true, in seconds.
    public var nameSeconds: UInt64
    /// How long the attributes stay true, in seconds.
    public var attributeSeconds: UInt64
    /// The attributes; nil (zeros) where the name leads nowhere.
    public var attributes: FUSEAttributes?

    /// Makes an entry.
    public init(
        node: UInt64, generation: UInt64, nameSeconds: UInt64, attributeSeconds: UInt64,
        attributes: FUSEAttributes?
    ) {
        self.node = node
        self.generation = generation
        self.nameSeconds = nameSeconds
        self.attributeSeconds = attributeSeconds
        self.attributes = attributes
    }

    func write(to writer: inout ByteWriter) {
        for value in [node, generation, nameSeconds, attributeSeconds, 0] { writer.write(value) }
        if let attributes {
            attributes.write(to: &writer)
        } else {
            writer.writeRaw(repeatElement(0, count: FUSEAttributes.size))
        }
    }
}

/// What a file system answers to FUSE_INIT (struct fuse_init_out).
public struct FUSEInitAnswer: Equatable, Sendable {
    /// Most bytes the kernel reads ahead.
    public var maximumReadahead: UInt32
    /// What both sides will do.
    public var flags: FUSEInitFlags
    /// Most requests that nobody waits for.
    public var maximumBackground: UInt16

    /// Makes an answer.
    public init(maximumReadahead: UInt32, flags: FUSEInitFlags, maximumBackground: UInt16) {
        self.maximumReadahead = maximumReadahead
        self.flags = flags
        self.maximumBackground = maximumBackground
    }
}

/// Space and counts of a file system (struct fuse_kstatfs).
public struct FUSEStatistics: Equatable, Sendable {
    /// Blocks in all, free, and free for ordinary users.
    public var blocks: (total: UInt64, free: UInt64, available: UInt64)
    /// Files in all and free.
    public var files: (total: UInt64, free: UInt64)
    /// Size of a block in bytes: for transfer, and as the unit of `blocks`.
    public var blockSize: UInt32
    /// The unit of `blocks`.
    public var fragmentSize: UInt32
    /// Longest name in bytes.
    public var nameLength: UInt32

    /// Makes statistics.
    public init(
        blocks: (total: UInt64, free: UInt64, available: UInt64),
        files: (total: UInt64, free: UInt64), blockSize: UInt32, fragmentSize: UInt32,
        nameLength: UInt32
    ) {
        self.blocks = blocks
        self.files = files
        self.blockSize = blockSize
        self.fragmentSize = fragmentSize
        self.nameLength = nameLength
    }

    /// Whether all fields agree.
    public static func == (left: FUSEStatistics, right: FUSEStatistics) -> Bool {
        left.blocks == right.blocks && left.files == right.files
            && left.blockSize == right.blockSize && left.fragmentSize == right.fragmentSize
            && left.nameLength == right.nameLength
    }
}

/// An answer to a request, as the kernel wants it in one write.
public enum FUSEReply: Equatable, Sendable {
    /// Bytes of the header (struct fuse_out_header).
    public static let headerSize = 16

    /// It could not be done; a positive errno.
    case failure(Int32)
    /// Done, and nothing to say.
    case done
    case `init`(FUSEInitAnswer)
    case entry(FUSEEntry)
    /// Attributes, and for how many seconds they stay true.
    case attributes(FUSEAttributes, seconds: UInt64)
    /// File contents, a link's target, an attribute's value, or directory records.
    case data([UInt8])
    /// A file is open, by this handle.
    case opened(handle: UInt64, flags: FUSEOpenFlags)
    /// How many bytes were written.
    case written(UInt32)
    case statistics(FUSEStatistics)
    /// The size of an extended attribute's value or of the list of names.
    case attributeSize(UInt32)
    /// Where lseek found what it looked for.
    case position(UInt64)

    /// The bytes that answer request `unique`.
    public func encoded(unique: UInt64) -> [UInt8] {
        var writer = ByteWriter(capacity: 192)
        writer.write(UInt32(0))
        if case .failure(let errno) = self {
            writer.write(-errno)
        } else {
            writer.write(Int32(0))
        }
        writer.write(unique)
        writeBody(to: &writer)
        writer.patch(UInt32(writer.bytes.count), at: 0)
        return writer.bytes
    }

    /// The header alone, for an answer whose `count` bytes of data are placed behind it.
    public static func header(unique: UInt64, dataCount count: Int) -> [UInt8] {
        var writer = ByteWriter(capacity: headerSize)
        writer.write(UInt32(headerSize + count))
        writer.write(Int32(0))
        writer.write(unique)
        return writer.bytes
    }

    private func writeBody(to writer: inout ByteWriter) {
        switch self {
        case .failure, .done: break
        case .`init`(let answer): Self.write(answer, to: &writer)
        case .entry(let entry): entry.write(to: &writer)
        case .attributes(let attributes, let seconds):
            writer.write(seconds)
            writer.write(UInt64(0))
            attributes.write(to: &writer)
        case .data(let data): writer.writeRaw(data)
        case .opened(let handle, let flags):
            writer.write(handle)
            writer.write(flags.rawValue)
            writer.write(UInt32(0))
        case .written(let count), .attributeSize(let count):
            writer.write(count)
            writer.write(UInt32(0))
        case .statistics(let statistics): Self.write(statistics, to: &writer)
        case .position(let position): writer.write(position)
        }
    }

    private static func write(_ answer: FUSEInitAnswer, to writer: inout ByteWriter) {
        writer.write(FUSEWire.major)
        writer.write(FUSEWire.minor)
        writer.write(answer.maximumReadahead)
        writer.write(answer.flags.rawValue)
        writer.write(answer.maximumBackground)
        writer.write(answer.maximumBackground / 4 * 3)  // congestion threshold
        writer.write(UInt32(FUSEWire.Limits.transfer))  // max_write
        writer.write(UInt32(1))  // time granularity in nanoseconds
        writer.write(FUSEWire.Limits.maximumPages)
        writer.write(UInt16(0))
        writer.writeRaw(repeatElement(0, count: 32))
    }

    private static func write(_ statistics: FUSEStatistics, to writer: inout ByteWriter) {
        let (blocks, files) = (statistics.blocks, statistics.files)
        for value in [blocks.total, blocks.free, blocks.available, files.total, files.free] {
            writer.write(value)
        }
        writer.write(statistics.blockSize)
        writer.write(statistics.nameLength)
        writer.write(statistics.fragmentSize)
        writer.writeRaw(repeatElement(0, count: 28))
    }
}
