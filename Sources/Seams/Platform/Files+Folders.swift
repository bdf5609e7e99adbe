import Glibc

/// Folders, and what keeps them on the disk.
extension Files {
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

    /// Makes one folder; false where something of that name exists.
    public static func makeNewDirectory(
        _ path: String, mode: UInt32 = 0o700
    ) throws(SystemError) -> Bool {
        if Glibc.mkdir(path, mode) == 0 { return true }
        if Glibc.errno == EEXIST { return false }
        throw SystemError(errno: Glibc.errno, call: "mkdir \(path)")
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

    /// Removes an empty folder; its absence is no error.
    public static func removeDirectory(_ path: String) throws(SystemError) {
        do { try libc("rmdir \(path)") { rmdir(path) } } catch  where error.errno == ENOENT {}
    }

    /// fsync(2) of a folder: what was made, renamed or removed in it stays so after a power cut.
    ///
    /// A file system that cannot sync folders (EINVAL) is no error.
    public static func syncDirectory(_ path: String) throws(SystemError) {
        let folder = try open(path, [.readOnly, .directory])
        do { try sync(folder) } catch  where error.errno == EINVAL {}
    }
}
