import CPlatform
import Glibc

/// Where a path leads.
extension Files {
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
}
