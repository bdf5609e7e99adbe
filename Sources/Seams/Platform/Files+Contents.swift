import Glibc

/// What is in a file.
extension Files {
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
}
