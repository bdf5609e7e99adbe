import CPlatform
import Glibc

/// A file as its file system names it, independent of paths: name_to_handle_at(2).
public struct KernelFileHandle: Hashable, Sendable {
    /// The longest handle, in bytes (MAX_HANDLE_SZ).
    public static let maximumCount = 128

    /// How the file system encoded it.
    public var type: Int32
    /// Its bytes, at most `maximumCount`.
    public var bytes: [UInt8]

    /// Makes a handle.
    public init(type: Int32, bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }
}

/// How a file is opened by handle.
public enum HandleAccess: Sendable {
    /// Names the file without opening it (O_PATH): safe for device nodes, pipes and links.
    case name
    /// Opens for reading, never waiting for the other end of a pipe.
    case read
    /// Opens for writing, never waiting for the other end of a pipe.
    case write
}

/// Files by handle, and extended attributes of what a descriptor names.
///
/// Every call may block.
public enum FileHandles {
    /// Opens a file by handle; needs CAP_DAC_READ_SEARCH.
    ///
    /// `mount` is anything on the mount. ESTALE where the file is gone.
    public static func open(
        _ handle: KernelFileHandle, on mount: OwnedFD, for access: HandleAccess
    ) throws(SystemError) -> OwnedFD {
        let flags =
            switch access {
            case .name: cp_open_path_flag()
            case .read: O_RDONLY | O_NONBLOCK | O_NOFOLLOW
            case .write: O_WRONLY | O_NONBLOCK | O_NOFOLLOW
            }
        return OwnedFD(
            taking: try checked(
                cp_open_handle(mount.raw, handle.type, handle.bytes, handle.bytes.count, flags),
                "open by handle"))
    }

    /// Writes everything of a file's file system to its device (syncfs(2)).
    public static func syncFileSystem(of file: OwnedFD) throws(SystemError) {
        try checked(cp_sync_file_system(file.raw), "syncfs")
    }

    /// fdatasync(2).
    public static func syncData(_ file: OwnedFD) throws(SystemError) {
        let raw = file.raw
        try libc("fdatasync") { fdatasync(raw) }
    }

    /// Reads an extended attribute, at most `limit` bytes; ERANGE where it is longer.
    public static func attribute(
        _ name: [UInt8], of file: OwnedFD, limit: Int
    ) throws(SystemError) -> [UInt8] {
        var value = [UInt8](repeating: 0, count: limit)
        let got = try checked(
            cp_attribute_get(file.raw, cName(name), &value, limit), "getxattr")
        return Array(value[..<got])
    }

    /// Writes an extended attribute; `flags` as for setxattr(2).
    public static func setAttribute(
        _ name: [UInt8], of file: OwnedFD, to value: [UInt8], flags: Int32
    ) throws(SystemError) {
        try checked(
            cp_attribute_set(file.raw, cName(name), value, value.count, flags), "setxattr")
    }

    /// The names of all extended attributes, each ended by NUL; ERANGE past `limit` bytes.
    public static func attributes(
        of file: OwnedFD, limit: Int
    ) throws(SystemError) -> [UInt8] {
        var names = [CChar](repeating: 0, count: limit)
        let got = try checked(cp_attribute_list(file.raw, &names, limit), "listxattr")
        return names[..<got].map { UInt8(bitPattern: $0) }
    }

    /// Removes an extended attribute.
    public static func removeAttribute(
        _ name: [UInt8], of file: OwnedFD
    ) throws(SystemError) {
        try checked(cp_attribute_remove(file.raw, cName(name)), "removexattr")
    }

    /// fallocate(2).
    public static func allocate(
        _ file: OwnedFD, mode: Int32, offset: UInt64, length: UInt64
    ) throws(SystemError) {
        guard let offset = Int64(exactly: offset), let length = Int64(exactly: length) else {
            throw SystemError(errno: EFBIG, call: "fallocate")
        }
        try checked(cp_allocate(file.raw, mode, offset, length), "fallocate")
    }

    /// lseek(2); with SEEK_DATA or SEEK_HOLE, ENXIO past the end.
    public static func seek(
        _ file: OwnedFD, offset: UInt64, whence: Int32
    ) throws(SystemError) -> UInt64 {
        guard let offset = off_t(exactly: offset) else {
            throw SystemError(errno: EOVERFLOW, call: "lseek")
        }
        let raw = file.raw
        return UInt64(try libc("lseek") { lseek(raw, offset, whence) })
    }

    private static func cName(_ name: [UInt8]) -> [CChar] {
        name.map { CChar(bitPattern: $0) } + [0]
    }
}
