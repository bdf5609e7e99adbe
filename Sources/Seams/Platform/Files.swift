import CPlatform
import Glibc

/// File calls of the host or guest.
///
/// Every one may block; any thread.
public enum Files {
    /// Opens a path, close-on-exec.
    public static func open(
        _ path: String, _ flags: OpenFlags, mode: UInt32 = 0o600
    ) throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_open(path, flags.rawValue, mode), "open \(path)"))
    }

    /// stat(2), or lstat(2) where links are not followed.
    public static func status(
        _ path: String, followLinks: Bool = true
    ) throws(SystemError) -> FileStatus {
        var status = stat()
        try libc("stat \(path)") {
            followLinks ? stat(path, &status) : lstat(path, &status)
        }
        return FileStatus(status)
    }

    /// fstat(2).
    public static func status(_ descriptor: OwnedFD) throws(SystemError) -> FileStatus {
        var status = stat()
        let raw = descriptor.raw
        try libc("fstat") { fstat(raw, &status) }
        return FileStatus(status)
    }

    /// Whether something is there.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether it may be executed.
    public static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// Whether it may be read.
    public static func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// Whether it may be written.
    public static func isWritable(_ path: String) -> Bool { access(path, W_OK) == 0 }

    /// fsync(2).
    public static func sync(_ descriptor: OwnedFD) throws(SystemError) {
        let raw = descriptor.raw
        try libc("fsync") { fsync(raw) }
    }

    /// Sets the size in bytes.
    public static func truncate(
        _ descriptor: OwnedFD, to size: UInt64
    ) throws(SystemError) {
        let raw = descriptor.raw
        try libc("ftruncate") { ftruncate(raw, off_t(size)) }
    }

    /// rename(2).
    public static func rename(_ from: String, to: String) throws(SystemError) {
        try libc("rename \(from)") { Glibc.rename(from, to) }
    }

    /// Removes a file; its absence is no error.
    public static func remove(_ path: String) throws(SystemError) {
        do { try libc("unlink \(path)") { unlink(path) } } catch  where error.errno == ENOENT {}
    }

    /// Bytes that an ordinary user can still write on the file system of `path`.
    public static func freeSpace(_ path: String) throws(SystemError) -> UInt64 {
        var status = statvfs()
        try libc("statvfs \(path)") { statvfs(path, &status) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    /// Bytes that a file occupies on its disk; holes take none.
    public static func allocated(_ path: String) throws(SystemError) -> UInt64 {
        var status = stat()
        try libc("stat \(path)") { stat(path, &status) }
        return UInt64(status.st_blocks) * 512
    }

    /// chmod(2).
    public static func setMode(_ path: String, _ mode: UInt32) throws(SystemError) {
        try libc("chmod \(path)") { chmod(path, mode) }
    }
}
