import Glibc

/// How `Files.open` opens.
public struct OpenFlags: OptionSet, Sendable {
    /// The flags of open(2).
    public let rawValue: Int32
    /// Wraps flags of open(2).
    public init(rawValue: Int32) { self.rawValue = rawValue }
    /// Read only.
    public static let readOnly = OpenFlags(rawValue: O_RDONLY)
    /// Write only.
    public static let writeOnly = OpenFlags(rawValue: O_WRONLY)
    /// Read and write.
    public static let readWrite = OpenFlags(rawValue: O_RDWR)
    /// Create where absent.
    public static let create = OpenFlags(rawValue: O_CREAT)
    /// With `create`, fail where present; on a block device, fail (EBUSY) where the kernel itself
    /// uses the device or a part of it, and keep it from doing so while the descriptor is open.
    public static let exclusive = OpenFlags(rawValue: O_EXCL)
    /// Cut to nothing.
    public static let truncate = OpenFlags(rawValue: O_TRUNC)
    /// Always write at the end.
    public static let append = OpenFlags(rawValue: O_APPEND)
    /// Fail on anything but a folder.
    public static let directory = OpenFlags(rawValue: O_DIRECTORY)
    /// Do not follow a final symbolic link.
    public static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    /// Do not wait.
    public static let nonblocking = OpenFlags(rawValue: O_NONBLOCK)
}
