import Glibc
import Platform

/// A path as the kernel sees it: bytes, not necessarily text.
///
/// Calls block; any thread.
public struct RawPath: Hashable, Sendable, CustomStringConvertible {
    /// The bytes, without the NUL.
    public var bytes: [UInt8]

    /// Wraps bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The bytes of a text.
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// This path, a slash, and more.
    public func appending(_ more: [UInt8]) -> RawPath {
        RawPath(bytes + [UInt8(ascii: "/")] + more)
    }

    /// This path, a slash, and more.
    public func appending(_ more: String) -> RawPath { appending(Array(more.utf8)) }

    /// The path for people: what is no printable text is escaped.
    public var description: String {
        let text = String(decoding: bytes, as: UTF8.self)
        let isText = String(validating: bytes, as: UTF8.self) != nil
        guard isText, !text.unicodeScalars.contains(where: { $0.value < 32 }) else {
            return bytes.map { byte in
                let isPlain = (32..<127).contains(byte) && byte != UInt8(ascii: "\\")
                return isPlain ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16)
            }.joined()
        }
        return text.count > 120 ? "\(text.prefix(60))…(\(bytes.count) bytes)" : text
    }

    /// Calls with the path as a C string.
    func withPointer<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        let characters = bytes.map { CChar(bitPattern: $0) } + [0]
        return try characters.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
            return try body(base)
        }
    }

    /// Calls a system call that answers -1 and errno, and throws that.
    @discardableResult
    func call(
        _ name: String, _ body: (UnsafePointer<CChar>) -> Int32
    ) throws(SystemError) -> Int32 {
        let result = withPointer(body)
        guard result >= 0 else { throw SystemError(errno: errno, call: "\(name) \(self)") }
        return result
    }
}

extension RawPath {
    /// Opens the file; close-on-exec.
    public func open(
        _ flags: OpenFlags, mode: mode_t = 0o644
    ) throws(SystemError) -> OwnedFD {
        let raw = try call("open") { Glibc.open($0, flags.rawValue | O_CLOEXEC, mode) }
        return OwnedFD(taking: raw)
    }

    /// Creates or cuts the file, and writes it.
    public func write(_ bytes: [UInt8], mode: mode_t = 0o644) throws(SystemError) {
        let file = try open([.writeOnly, .create, .truncate], mode: mode)
        try Files.writeAll(bytes, to: file.raw)
    }

    /// Writes at an offset.
    public func write(_ bytes: [UInt8], at offset: UInt64) throws(SystemError) {
        let file = try open([.writeOnly, .create])
        var sent = 0
        while sent < bytes.count {
            let got = bytes.withUnsafeBytes {
                pwrite(
                    file.raw, $0.baseAddress.map { $0 + sent }, bytes.count - sent,
                    off_t(offset) + off_t(sent))
            }
            guard got > 0 else { throw SystemError(errno: errno, call: "pwrite \(self)") }
            sent += got
        }
    }

    /// Writes at the end.
    public func append(_ bytes: [UInt8]) throws(SystemError) {
        let file = try open([.writeOnly, .append])
        try Files.writeAll(bytes, to: file.raw)
    }

    /// Reads the whole file.
    public func read() throws(SystemError) -> [UInt8] {
        try Files.readToEnd(try open(.readOnly), limit: 1 << 30)
    }

    /// Makes a folder.
    public func makeFolder(mode: mode_t = 0o755) throws(SystemError) {
        try call("mkdir") { mkdir($0, mode) }
    }

    /// Makes a symbolic link here.
    public func makeLink(to target: [UInt8]) throws(SystemError) {
        try call("symlink") { path in RawPath(target).withPointer { symlink($0, path) } }
    }

    /// Makes a hard link here.
    public func makeHardLink(to file: RawPath) throws(SystemError) {
        try call("link") { path in file.withPointer { link($0, path) } }
    }

    /// Makes a named pipe.
    public func makePipe() throws(SystemError) { try call("mkfifo") { mkfifo($0, 0o644) } }

    /// Sets the permissions.
    public func setMode(_ mode: mode_t) throws(SystemError) {
        try call("chmod") { chmod($0, mode) }
    }

    /// Sets the size.
    public func truncate(to size: UInt64) throws(SystemError) {
        try call("truncate") { Glibc.truncate($0, off_t(size)) }
    }

    /// Renames over whatever is there.
    public func rename(to other: RawPath) throws(SystemError) {
        try call("rename") { path in other.withPointer { Glibc.rename(path, $0) } }
    }

    /// Removes a file.
    public func remove() throws(SystemError) { try call("unlink") { unlink($0) } }

    /// Removes an empty folder.
    public func removeFolder() throws(SystemError) { try call("rmdir") { rmdir($0) } }

    /// Sets both times, nanoseconds since the epoch; never follows a link.
    public func setTimes(nanoseconds: Int64) throws(SystemError) {
        let time = timespec(
            tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        try call("utimensat") { path in
            withUnsafePointer(to: (time, time)) { pair in
                pair.withMemoryRebound(to: timespec.self, capacity: 2) {
                    utimensat(AT_FDCWD, path, $0, AT_SYMLINK_NOFOLLOW)
                }
            }
        }
    }
}
