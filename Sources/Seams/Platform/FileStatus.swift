import Glibc

/// What kind of thing a path names.
public enum FileKind: String, Sendable {
    /// A regular file.
    case file
    /// A folder.
    case directory
    /// A block device.
    case blockDevice
    /// A symbolic link.
    case symbolicLink
    /// A character device, pipe or socket.
    case other
}

/// What stat(2) says.
public struct FileStatus: Sendable {
    /// Kind of file.
    public var kind: FileKind
    /// Size in bytes; 0 for block devices.
    public var size: UInt64
    /// Device and inode: the file's identity.
    public var device: UInt64
    /// Inode number on that device.
    public var inode: UInt64
    /// Owner.
    public var user: UInt32
    /// Permission bits.
    public var mode: UInt32
    /// Modification time, nanoseconds since the epoch.
    public var modifiedNanoseconds: Int64
    /// For a device node, the device it names.
    public var specialDevice: UInt64
    /// The same as the kernel's tables name it, `major:minor`.
    public var specialDeviceName: String { BlockNode.name(of: specialDevice) }

    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .directory
        case S_IFBLK: kind = .blockDevice
        case S_IFLNK: kind = .symbolicLink
        default: kind = .other
        }
        size = UInt64(max(0, status.st_size))
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        user = status.st_uid
        mode = status.st_mode & 0o7777
        modifiedNanoseconds =
            Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        specialDevice = UInt64(status.st_rdev)
    }
}
