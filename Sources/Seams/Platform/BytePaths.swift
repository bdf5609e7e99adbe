import CPlatform
import Glibc

/// A path as the kernel sees it: bytes, in no encoding, ended by NUL.
public typealias BytePath = UnsafePointer<CChar>

/// File calls on paths that are bytes.
///
/// Links are not followed. Every call may block.
public enum BytePaths {
    /// Opens a path, close-on-exec, with the flags of open(2).
    public static func open(_ path: BytePath, flags: Int32) throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_open(path, flags | O_NOFOLLOW, 0), "open"))
    }

    /// O_PATH, for `open`: names the file without opening it.
    public static var nameOnly: Int32 { cp_open_path_flag() }

    /// Reads directory records into a buffer (getdents64(2)); 0 at the end.
    public static func readDirectory(
        _ directory: OwnedFD, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> Int {
        try checked(
            cp_directory_read(directory.raw, buffer.baseAddress, buffer.count), "getdents64")
    }

    /// Reads an extended attribute into a buffer; an empty one asks for the size.
    public static func attribute(
        _ name: BytePath, of path: BytePath, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> Int {
        try checked(
            cp_path_attribute_get(path, name, buffer.baseAddress, buffer.count), "lgetxattr")
    }

    /// Writes an extended attribute; `flags` as for setxattr(2).
    public static func setAttribute(
        _ name: BytePath, of path: BytePath, to value: [UInt8], flags: Int32
    ) throws(SystemError) {
        try checked(
            cp_path_attribute_set(path, name, value, value.count, flags), "lsetxattr")
    }

    /// Lists the names of extended attributes; an empty buffer asks for the size.
    public static func attributes(
        of path: BytePath, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemError) -> Int {
        try checked(
            cp_path_attribute_list(
                path, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count),
            "llistxattr")
    }

    /// Removes an extended attribute.
    public static func removeAttribute(
        _ name: BytePath, of path: BytePath
    ) throws(SystemError) {
        try checked(cp_path_attribute_remove(path, name), "lremovexattr")
    }
}
