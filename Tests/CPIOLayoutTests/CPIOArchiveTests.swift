import CPIOLayout
import Testing

@Suite struct CPIOArchiveTests {
    private let entries: [CPIOEntry] = [
        .directory("dev"),
        CPIOEntry(
            path: "dev/console", permissions: 0o600,
            content: .characterDevice(major: 5, minor: 1)),
        .file("init", Array("hello".utf8), permissions: 0o755),
        CPIOEntry(path: "link", permissions: 0o777, content: .symbolicLink("init")),
    ]

    /// Written by hand from the kernel's buffer-format.rst: header, path and zero byte, padding.
    private func record(_ numbers: [String: String], path: String, content: String = "") -> String {
        let fields = [
            "ino", "mode", "uid", "gid", "nlink", "mtime", "filesize", "maj", "min", "rmaj", "rmin",
            "namesize", "chksum",
        ]
        var text = "070701" + fields.map { numbers[$0] ?? "00000000" }.joined()
        text += path + "\0"
        while text.utf8.count % 4 != 0 { text += "\0" }
        text += content
        while text.utf8.count % 4 != 0 { text += "\0" }
        return text
    }

    @Test func `an archive is what the kernel's document says`() throws {
        let expected =
            record(
                [
                    "ino": "00000001", "mode": "000041ed", "nlink": "00000002",
                    "namesize": "00000004",
                ],
                path: "dev")
            + record(
                [
                    "ino": "00000002", "mode": "00002180", "nlink": "00000001", "rmaj": "00000005",
                    "rmin": "00000001", "namesize": "0000000c",
                ], path: "dev/console")
            + record(
                [
                    "ino": "00000003", "mode": "000081ed", "nlink": "00000001",
                    "filesize": "00000005", "namesize": "00000005",
                ], path: "init", content: "hello")
            + record(
                [
                    "ino": "00000004", "mode": "0000a1ff", "nlink": "00000001",
                    "filesize": "00000004", "namesize": "00000005",
                ], path: "link", content: "init")
            + record(["nlink": "00000001", "namesize": "0000000b"], path: "TRAILER!!!")
        let bytes = try CPIOArchive.encode(entries)
        #expect(bytes == Array(expected.utf8))
    }

    @Test func `the order of entries does not matter`() throws {
        let straight = try CPIOArchive.encode(entries)
        #expect(try CPIOArchive.encode(entries.reversed()) == straight)
    }

    @Test(arguments: ["", "/init", "a//b", "./a", "a/..", "a/", "a\0b", "TRAILER!!!"])
    func `a path that is not below the root is refused`(path: String) {
        #expect(throws: CPIOError.badPath(path)) {
            try CPIOArchive.encode([.file(path, [])])
        }
    }

    @Test func `a file without its folder is refused, for the kernel would drop it`() {
        #expect(throws: CPIOError.missingParent("a/b")) {
            try CPIOArchive.encode([.file("a/b", [])])
        }
        #expect(throws: CPIOError.missingParent("a/b")) {
            try CPIOArchive.encode([.file("a", []), .file("a/b", [])])
        }
    }

    @Test func `a second entry with the same path is refused`() {
        #expect(throws: CPIOError.duplicate("a")) {
            try CPIOArchive.encode([.file("a", [1]), .directory("a")])
        }
    }

    @Test func `a path or target that the kernel does not unpack is refused`() throws {
        let long = String(repeating: "a", count: CPIOArchive.Limits.path)
        #expect(throws: CPIOError.pathTooLong(long, limit: CPIOArchive.Limits.path)) {
            try CPIOArchive.encode([.file(long, [])])
        }
        #expect(throws: CPIOError.pathTooLong(long, limit: CPIOArchive.Limits.path)) {
            try CPIOArchive.encode([
                CPIOEntry(path: "a", permissions: 0o777, content: .symbolicLink(long))
            ])
        }
        #expect(throws: CPIOError.badPath("")) {
            try CPIOArchive.encode([
                CPIOEntry(path: "a", permissions: 0o777, content: .symbolicLink(""))
            ])
        }
        _ = try CPIOArchive.encode([.file(String(long.dropLast()), [])])
    }

    @Test func `a folder sorts before what is in it, whatever else begins alike`() throws {
        let entries: [CPIOEntry] = [
            .file("a.b", []), .file("a/c", []), .directory("a"), .file("a-", []),
        ]
        let text = String(decoding: try CPIOArchive.encode(entries), as: UTF8.self)
        let paths = ["a\0", "a-\0", "a.b\0", "a/c\0"]
        var rest = text[...]
        for path in paths {
            let found = try #require(rest.firstRange(of: path), "\(path) is not in its place")
            rest = rest[found.upperBound...]
        }
    }
}
