/// One entry of an archive: always owned by user and group 0, always with the time 0.
public struct CPIOEntry: Equatable, Sendable {
    /// What an entry is.
    public enum Content: Equatable, Sendable {
        /// A folder.
        case directory
        /// A regular file with these bytes.
        case file([UInt8])
        /// A symbolic link to this target.
        case symbolicLink(String)
        /// A character device node.
        case characterDevice(major: UInt32, minor: UInt32)
    }

    /// Path below the archive's root, without a leading slash: `dev/console`.
    public var path: String
    /// Permission bits, at most 0o7777.
    public var permissions: UInt32
    /// What it is.
    public var content: Content

    /// Makes an entry.
    public init(path: String, permissions: UInt32, content: Content) {
        self.path = path
        self.permissions = permissions
        self.content = content
    }

    /// A folder with permissions 0755.
    public static func directory(_ path: String) -> CPIOEntry {
        CPIOEntry(path: path, permissions: 0o755, content: .directory)
    }

    /// A regular file; 0644 unless told otherwise.
    public static func file(
        _ path: String, _ bytes: [UInt8], permissions: UInt32 = 0o644
    ) -> CPIOEntry {
        CPIOEntry(path: path, permissions: permissions, content: .file(bytes))
    }
}

/// Why entries cannot become an archive.
public enum CPIOError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A path is empty, absolute, has an empty, `.` or `..` component or a zero byte.
    case badPath(String)
    /// A path or link target is longer than the kernel unpacks.
    case pathTooLong(String, limit: Int)
    /// Two entries have one path.
    case duplicate(String)
    /// An entry's folder is not an entry: the kernel would drop the file without a word.
    case missingParent(String)
    /// A file is longer than the format's 32-bit size field can say.
    case fileTooLong(String)
    /// More entries than the reader's memory should be trusted with.
    case tooManyEntries(Int, limit: Int)

    /// The cause in words.
    public var description: String {
        switch self {
        case .badPath(let path): "\"\(path)\" is not a path below the archive's root"
        case .pathTooLong(let path, let limit): "\"\(path)\" has more than \(limit) bytes"
        case .duplicate(let path): "\"\(path)\" appears twice"
        case .missingParent(let path): "the folder of \"\(path)\" is not in the archive"
        case .fileTooLong(let path): "\"\(path)\" has 4 GiB or more"
        case .tooManyEntries(let count, let limit): "\(count) entries where \(limit) are allowed"
        }
    }
}
