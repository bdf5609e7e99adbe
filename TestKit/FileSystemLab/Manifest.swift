/// What a folder holds, as other people's programs see it: find and sha256sum.
public struct Manifest: Sendable {
    /// One path's facts.
    public struct Entry: Sendable, Equatable {
        /// `f`, `d`, `l`, `p` … as find's `%y` gives it.
        public var kind: String
        /// Permission bits.
        public var mode: UInt32
        /// Size in bytes; of no meaning for folders.
        public var size: UInt64
        /// Space taken, in units of 512 bytes.
        public var blocks: UInt64
        /// Number of names.
        public var links: Int
        /// Device and inode.
        public var identity: String
        /// Time of modification, nanoseconds since the epoch.
        public var nanoseconds: Int64
        /// Owner and group.
        public var owner: String
        /// Target of a symbolic link.
        public var target: [UInt8]
        /// SHA-256 of a file's content, in hexadecimal.
        public var sha256: String?
    }

    /// By path below the folder.
    public private(set) var entries: [[UInt8]: Entry] = [:]

    /// Reads a folder with everything below it.
    ///
    /// Blocks, at most twice `seconds`.
    public init(of folder: String, seconds: Int = 120) throws {
        let format = "%y %m %s %b %n %D:%i %T@ %U:%G\\0%P\\0%l\\0"
        let facts = try Command.run(
            "find", [folder, "-mindepth", "1", "-printf", format], seconds: seconds)
        let sums = try Command.run(
            "bash",
            [
                "-euc", "-o", "pipefail",
                "cd \"$1\" && find . -type f -print0 | xargs -0 -r sha256sum -z --", "bash", folder,
            ], seconds: seconds)
        try self.init(facts: facts, sums: sums)
    }

    /// Understands what find and sha256sum printed.
    public init(facts: Outcome, sums: Outcome) throws {
        guard facts.isSuccess, sums.isSuccess else { throw LabError("\(facts)\n\(sums)") }
        var fields = facts.output.split(separator: 0, omittingEmptySubsequences: false)[...]
        while fields.count > 3 {
            let header = String(decoding: fields.removeFirst(), as: UTF8.self)
            let path = Array(fields.removeFirst())
            let target = Array(fields.removeFirst())
            entries[path] = try Entry(header: header, target: target)
        }
        for line in sums.output.split(separator: 0) {
            let path = Array(line.dropFirst(64 + 2 + 2))
            guard entries[path] != nil else { throw LabError("sha256sum of \(RawPath(path))") }
            entries[path]?.sha256 = String(decoding: line.prefix(64), as: UTF8.self)
        }
    }

    /// How many entries of a kind.
    public func count(_ kind: String) -> Int { entries.values.filter { $0.kind == kind }.count }

    /// Leaves out paths and everything below them.
    public func without(_ paths: [String]) -> Manifest {
        var copy = self
        for path in paths {
            let prefix = Array((path + "/").utf8)
            copy.entries = copy.entries.filter {
                !$0.key.starts(with: prefix) && $0.key != Array(path.utf8)
            }
        }
        return copy
    }

    /// The same without the bits that give whoever runs a file another identity.
    public func withoutSetIdentity() -> Manifest {
        var copy = self
        copy.entries = copy.entries.mapValues { entry in
            var entry = entry
            entry.mode &= ~0o6000
            return entry
        }
        return copy
    }
}

extension Manifest.Entry {
    init(header: String, target: [UInt8]) throws {
        let words = header.split(separator: " ").map(String.init)
        guard words.count == 8, let mode = UInt32(words[1], radix: 8), let size = UInt64(words[2]),
            let blocks = UInt64(words[3]), let links = Int(words[4])
        else { throw LabError("find printed: \(header)") }
        kind = words[0]
        self.mode = mode
        self.size = size
        self.blocks = blocks
        self.links = links
        identity = words[5]
        let time = words[6].split(separator: ".")
        let fraction = time.count > 1 ? time[1].prefix(9) : "0"
        let padded = fraction + String(repeating: "0", count: 9 - fraction.count)
        guard let seconds = Int64(time[0]), let part = Int64(padded) else {
            throw LabError("find printed: \(header)")
        }
        nanoseconds = seconds * 1_000_000_000 + part
        owner = words[7]
        self.target = target
    }
}
