import CPlatform
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

    /// Reads a whole file, at most `limit` bytes; works for /proc and /sys too.
    public static func read(
        _ path: String, limit: Int = 64 << 20
    ) throws(SystemError) -> [UInt8] {
        let descriptor = try open(path, .readOnly)
        return try readToEnd(descriptor, limit: limit)
    }

    /// Reads from the current position to the end, at most `limit` bytes.
    public static func readToEnd(
        _ descriptor: OwnedFD, limit: Int = 64 << 20
    ) throws(SystemError) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let raw = descriptor.raw
        while result.count < limit {
            let want = min(buffer.count, limit - result.count)
            let got = try libc("read") { Glibc.read(raw, &buffer, want) }
            if got == 0 { break }
            result.append(contentsOf: buffer[..<got])
        }
        return result
    }

    /// Reads a whole file as text; bytes that are not UTF-8 are replaced.
    public static func readText(
        _ path: String, limit: Int = 64 << 20
    ) throws(SystemError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }

    /// Reads exactly at an offset; returns fewer bytes only at the end of the file.
    public static func read(
        _ descriptor: OwnedFD, at offset: UInt64, count: Int
    ) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        var filled = 0
        let raw = descriptor.raw
        while filled < count {
            let got = try libc("pread") {
                buffer.withUnsafeMutableBytes {
                    pread(
                        raw, $0.baseAddress.map { $0 + filled }, count - filled,
                        off_t(offset) + off_t(filled))
                }
            }
            if got == 0 { break }
            filled += got
        }
        return Array(buffer[..<filled])
    }

    /// Writes everything at the current position.
    public static func writeAll(_ bytes: [UInt8], to raw: Int32) throws(SystemError) {
        var sent = 0
        while sent < bytes.count {
            sent += try libc("write") {
                bytes.withUnsafeBytes {
                    Glibc.write(raw, $0.baseAddress.map { $0 + sent }, bytes.count - sent)
                }
            }
        }
    }

    /// Writes a file as a whole: a new file beside it is synced and renamed over it.
    public static func replace(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(SystemError) {
        let temporary = "\(path).new-\(getpid())"
        let descriptor = try open(temporary, [.writeOnly, .create, .truncate], mode: mode)
        do throws(SystemError) {
            try writeAll(bytes, to: descriptor.raw)
            try sync(descriptor)
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)
            throw error
        }
    }

    /// Writes a file as a whole: it is on the disk, under its name, when this returns.
    public static func replaceDurably(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(SystemError) {
        try replace(path, with: bytes, mode: mode)
        let slash = path.lastIndex(of: "/")
        try syncDirectory(slash.map { String(path[...$0]) } ?? ".")
    }

    /// Writes a short text into an existing file, as /proc and /sys want it: in one call.
    public static func writeControl(_ path: String, _ text: String) throws(SystemError) {
        let descriptor = try open(path, .writeOnly)
        let raw = descriptor.raw
        let bytes = Array(text.utf8)
        try libc("write \(path)") { Glibc.write(raw, bytes, bytes.count) }
    }

    /// fsync(2).
    public static func sync(_ descriptor: OwnedFD) throws(SystemError) {
        let raw = descriptor.raw
        try libc("fsync") { fsync(raw) }
    }

    /// fsync(2) of a folder: what was made, renamed or removed in it stays so after a power cut.
    ///
    /// A file system that cannot sync folders (EINVAL) is no error.
    public static func syncDirectory(_ path: String) throws(SystemError) {
        let folder = try open(path, [.readOnly, .directory])
        do { try sync(folder) } catch  where error.errno == EINVAL {}
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

    /// Removes an empty folder; its absence is no error.
    public static func removeDirectory(_ path: String) throws(SystemError) {
        do { try libc("rmdir \(path)") { rmdir(path) } } catch  where error.errno == ENOENT {}
    }

    /// Makes a folder and its parents; existing ones are left as they are.
    public static func makeDirectories(
        _ path: String, mode: UInt32 = 0o700
    ) throws(SystemError) {
        if Glibc.mkdir(path, mode) == 0 || Glibc.errno == EEXIST { return }
        guard Glibc.errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex
        else { throw SystemError(errno: Glibc.errno, call: "mkdir \(path)") }
        try makeDirectories(String(path[..<slash]), mode: mode)
        try libc("mkdir \(path)") {
            let result = Glibc.mkdir(path, mode)
            return result < 0 && Glibc.errno == EEXIST ? 0 : result
        }
    }

    /// The path of what another path means where a folder is taken for the root of everything:
    /// absolute links and `..` do not lead out of it.
    ///
    /// Relative to that folder, without links, `.` for the folder itself. As true as long as nobody
    /// changes what is below it.
    ///
    /// - Parameter followingLast: whether a link at the end of the path is followed as well.
    public static func resolve(
        _ path: String, below root: String, followingLast: Bool
    ) throws(SystemError) -> String {
        let folder = try open(root, [.readOnly, .directory])
        let base = try readLink("/proc/self/fd/\(folder.raw)")
        let found = OwnedFD(
            taking: try checked(
                cp_open_in_root(folder.raw, path.isEmpty ? "." : path, followingLast ? 1 : 0),
                "open \(path)"))
        let place = try readLink("/proc/self/fd/\(found.raw)")
        if place == base { return "." }
        guard place.hasPrefix(base + "/") else {
            throw SystemError(errno: ENOENT, call: "open \(path)")
        }
        return String(place.dropFirst(base.count + 1))
    }

    /// Names in a folder, unsorted, without `.` and `..`.
    public static func list(_ path: String) throws(SystemError) -> [String] {
        guard let stream = opendir(path) else {
            throw SystemError(errno: Glibc.errno, call: "opendir \(path)")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// Where a symbolic link points.
    public static func readLink(_ path: String) throws(SystemError) -> String {
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = try libc("readlink \(path)") { readlink(path, &buffer, 4096) }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The absolute path without links.
    public static func realPath(_ path: String) throws(SystemError) -> String {
        guard let resolved = realpath(path, nil) else {
            throw SystemError(errno: Glibc.errno, call: "resolve \(path)")
        }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Bytes that an ordinary user can still write on the file system of `path`.
    public static func freeSpace(_ path: String) throws(SystemError) -> UInt64 {
        var status = statvfs()
        try libc("statvfs \(path)") { statvfs(path, &status) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}

extension Files {
    /// Makes one folder; false where something of that name exists.
    public static func makeNewDirectory(
        _ path: String, mode: UInt32 = 0o700
    ) throws(SystemError) -> Bool {
        if Glibc.mkdir(path, mode) == 0 { return true }
        if Glibc.errno == EEXIST { return false }
        throw SystemError(errno: Glibc.errno, call: "mkdir \(path)")
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
