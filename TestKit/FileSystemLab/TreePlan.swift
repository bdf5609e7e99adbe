import Bytes
import Glibc
import Platform

/// A deterministic tree of files that a file system of certain traits can hold: what is in it,
/// and how to make it in a folder.
public struct TreePlan: Sendable {
    /// How large.
    public enum Profile: Sendable, Hashable {
        /// About 2,500 files, 35 MB.
        case standard
        /// About 1,000 files, 6 MB.
        case small
    }

    /// One thing to make.
    public enum Item: Sendable, Equatable {
        /// A folder.
        case folder(mode: UInt32)
        /// A file with content.
        case file(Content, mode: UInt32)
        /// A file of this size with content at an offset, holes elsewhere.
        case sparse(size: UInt64, content: Content, offset: UInt64)
        /// A symbolic link.
        case symlink(target: [UInt8])
        /// A hard link to an earlier file.
        case hardLink(to: [UInt8])
        /// A named pipe.
        case pipe
    }

    /// A path below the root, what is there, and its time of modification.
    public struct Entry: Sendable, Equatable {
        /// Path below the root.
        public var path: [UInt8]
        /// What is there.
        public var item: Item
        /// Nanoseconds since the epoch; nil where it is left to chance.
        public var nanoseconds: Int64?
    }

    /// In the order of making.
    public private(set) var entries: [Entry] = []
    private let traits: Traits

    /// Plans the tree for these traits.
    ///
    /// The same traits give the same tree.
    public init(traits: Traits, seed: UInt64 = 1) {
        self.traits = traits
        var random = SeededGenerator(seed: seed)
        addMany(&random)
        addBig()
        addNames()
        addDepth()
        addLinks()
        addTimes()
    }

    private mutating func add(_ path: String, _ item: Item, _ nanoseconds: Int64? = nil) {
        let kept = nanoseconds.map { traits.kept(nanoseconds: $0) }
        entries.append(Entry(path: Array(path.utf8), item: item, nanoseconds: kept))
    }

    /// Many ordinary files: some folders with few of them, and one with many.
    private mutating func addMany(_ random: inout SeededGenerator) {
        let folders = traits.profile == .standard ? 60 : 20
        let perFolder = traits.profile == .standard ? 30 : 25
        var index = 0
        for number in 0..<folders {
            let folder = number % 3 == 2 ? "many/f\(number - 1)/sub\(number)" : "many/f\(number)"
            if number == 0 { add("many", .folder(mode: 0o755)) }
            add(folder, .folder(mode: 0o755))
            for _ in 0..<perFolder {
                addFile("\(folder)/file\(index).dat", index: index, random: &random)
                index += 1
            }
        }
        add("crowd", .folder(mode: 0o755))
        for number in 0..<(traits.profile == .standard ? 600 : 300) {
            addFile("crowd/entry-\(number)", index: index, random: &random)
            index += 1
        }
    }

    private mutating func addFile(_ path: String, index: Int, random: inout SeededGenerator) {
        let size =
            switch Int(random.next() % 20) {
            case 0: 0
            case 1...9: 8 + Int(random.next() % 1024)
            case 10...15: 8 + Int(random.next() % 8192)
            case 16...18: Int(random.next() % (traits.profile == .standard ? 40_000 : 12_000))
            default: Int(random.next() % (traits.profile == .standard ? 150_000 : 20_000))
            }
        let mode: UInt32 = [0o644, 0o644, 0o600, 0o755][index % 4]
        let time = 1_000_000_000 + Int64(index) * 86_407
        add(
            path, .file(Content(size: size, seed: random.next()), mode: mode),
            time * 1_000_000_000 + Int64(index) * 123_457 % 1_000_000_000)
    }

    private mutating func addBig() {
        add("big", .folder(mode: 0o755))
        let unit = traits.profile == .standard ? 1 << 20 : 1 << 18
        add("big/noise", .file(Content(size: 5 * unit + 17, seed: 3), mode: 0o644))
        add("big/text", .file(Content(size: 3 * unit, seed: 4), mode: 0o644))
        add("big/zeros", .file(Content(size: 2 * unit + 4095, seed: 5), mode: 0o644))
        let middle = Content(size: 5000, seed: 6)
        add(
            "big/holes",
            .sparse(size: UInt64(4 * unit), content: middle, offset: UInt64(2 * unit + 7)))
        for size in [8, 511, 512, 513, 4095, 4096, 4097, 65_535, 65_536, 65_537] {
            let content = Content(size: size, seed: 900_000 + UInt64(size))
            add("big/size-\(size)", .file(content, mode: 0o644))
        }
    }

    private mutating func addNames() {
        add("names", .folder(mode: 0o755))
        for (index, name) in Self.names(traits).enumerated() {
            let content = Content(size: 10 + name.count, seed: 7000 + UInt64(index))
            entries.append(
                Entry(
                    path: Array("names/".utf8) + name,
                    item: .file(content, mode: 0o644)))
        }
        add("names/empty folder", .folder(mode: 0o700))
    }

    /// Every awkward name that these traits allow.
    public static func names(_ traits: Traits) -> [[UInt8]] {
        let longest = min(traits.nameBytes, traits.nameUnits ?? 255)
        var names: [[UInt8]] = [
            "plain", "with space", " leading space", "trailing space ", "dot.", "..two-dots", "-rf",
            "colon:name", "quote\"name", "back\\slash", "star*", "question?", "less<more>", "pipe|",
            "per%20cent", "new\nline", "tab\tname", "bell\u{7}", "delete\u{7f}", "UPPER.TXT",
            "grüße-€", "日本語の名前", "русский", "emoji-🚀", "composed-\u{e9}",
        ].map { Array($0.utf8) }
        if traits.caseSensitive { names.append(Array("upper.txt".utf8)) }
        names.append([UInt8](repeating: UInt8(ascii: "x"), count: longest))
        let wide = min(traits.nameBytes / 2, traits.nameUnits ?? 255)
        names.append(Array(String(repeating: "ж", count: wide).utf8))
        names.append([0xff, 0xfe, UInt8(ascii: "a"), 0xc3])
        return names.filter { traits.allows(name: $0) }
    }

    private mutating func addDepth() {
        var path = "deep"
        add(path, .folder(mode: 0o755))
        for level in 0..<12 {
            path += "/level\(level)"
            add(path, .folder(mode: level % 2 == 0 ? 0o755 : 0o750))
        }
        add("\(path)/bottom", .file(Content(size: 99, seed: 8), mode: 0o644))
    }

    private mutating func addLinks() {
        add("links", .folder(mode: 0o755))
        if traits.symlinks {
            add("links/relative", .symlink(target: Array("../big/text".utf8)))
            add("links/dangling", .symlink(target: Array("no/such/thing".utf8)))
            add("links/absolute", .symlink(target: Array("/etc/hostname".utf8)))
            let long = String(repeating: "long/", count: traits.targetBytes / 5)
            add("links/long-target", .symlink(target: Array(long.dropLast().utf8)))
            add("links/to-folder", .symlink(target: Array("../names".utf8)))
        }
        add("links/first", .file(Content(size: 4321, seed: 10), mode: 0o640))
        if traits.hardLinks {
            add("links/second", .hardLink(to: Array("links/first".utf8)))
            add("names/third", .hardLink(to: Array("links/first".utf8)))
        }
        if traits.pipes { add("links/pipe", .pipe) }
    }

    private mutating func addTimes() {
        add("attributes", .folder(mode: 0o755))
        for mode: UInt32 in [0o400, 0o444, 0o500, 0o640, 0o660, 0o711, 0o777, 0o4755, 0o2755] {
            let name = String(mode, radix: 8)
            add(
                "attributes/mode-\(name)",
                .file(Content(size: 9, seed: 11_000 + UInt64(mode)), mode: mode))
        }
        let moments = [
            ("oldest", traits.timeRange.lowerBound), ("latest", traits.timeRange.upperBound),
            ("leap-day", 951_826_332), ("after-2038", 2_200_000_000),
        ]
        for (name, seconds) in moments where traits.timeRange.contains(seconds) {
            let time = seconds * 1_000_000_000
            let content = Content(size: 11, seed: UInt64(seconds))
            add("attributes/\(name)", .file(content, mode: 0o644), time)
        }
    }
}

extension TreePlan {
    /// Makes the tree in an existing empty folder.
    ///
    /// Blocks for a second or two.
    public func make(in folder: String) throws {
        let root = RawPath(folder)
        for entry in entries {
            let path = root.appending(entry.path)
            switch entry.item {
            case .folder: try path.makeFolder()
            case .file(let content, _): try path.write(content.bytes)
            case .sparse(let size, let content, let offset):
                try path.write([])
                try path.truncate(to: size)
                try path.write(content.bytes, at: offset)
            case .symlink(let target): try path.makeLink(to: target)
            case .hardLink(let first): try path.makeHardLink(to: root.appending(first))
            case .pipe: try path.makePipe()
            }
        }
        try setAttributes(root)
    }

    /// Sets permissions and times when all is made: a folder's children change its time.
    private func setAttributes(_ root: RawPath) throws {
        for entry in entries.reversed() {
            let path = root.appending(entry.path)
            switch entry.item {
            case .folder(let mode), .file(_, let mode):
                if traits.modes == .exact { try path.setMode(mode) }
                if traits.modes == .executableOnly, mode & 0o111 != 0 {
                    try path.setMode(0o755)
                }
            default: break
            }
            guard case .symlink = entry.item else {
                try path.setTimes(nanoseconds: entry.nanoseconds ?? 1_111_111_112_000_000_000)
                continue
            }
        }
    }
}
