import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway ls`, `cat` and `cp` reach into a source without leaving it mounted.
@Suite(.tags(.system)) struct FileCommandTests {
    private let scratch: Scratch
    private let image: String
    private let tree: TreeFixture

    init() throws {
        let fileSystem = try FileSystem.named("f2fs")
        scratch = try Scratch("image")
        image = try Lab.copy(of: fileSystem, into: scratch.path)
        tree = try Lab.tree(for: fileSystem.traits)
    }

    @Test func `ls lists what is there`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["ls", "\(image):/big"])
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(outcome.stdout.contains("noise\n"))
            let absent = try causeway.run(["ls", "\(image):/no/such/folder"])
            #expect(!absent.isSuccess && absent.stderr.contains("no/such/folder"), "\(absent)")
        }
    }

    @Test func `cat prints the bytes of files`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["cat", "\(image):/big/noise"])
            #expect(outcome.isSuccess)
            let original = try RawPath(tree.path).appending("big/noise").read()
            #expect(outcome.output == original)
        }
    }

    @Test func `cp copies a whole tree with modes, times and links`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(
                ["cp", "\(image):/", "\(causeway.folder)/copy"], seconds: 120)
            #expect(outcome.isSuccess, "\(outcome)")
            let found = try Manifest(of: "\(causeway.folder)/copy")
            // A program of a foreign disk does not become one that runs as its owner.
            let expected = tree.manifest.withoutSetIdentity()
            let comparison = Comparison(found: found, expected: expected, traits: .posix)
            #expect(comparison.isSame, "\(comparison)")
        }
    }

    @Test func `cp into a source is refused with what to do instead`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["cp", "/etc/hostname", "\(image):/"])
            #expect(outcome.status == 4 && outcome.stderr.contains("--write"), "\(outcome)")
        }
    }

    /// An ext4 image with links that lead out of it, and a file behind another.
    private func imageWithLinks(_ causeway: Causeway) throws -> String {
        let tree = "\(causeway.folder)/tree"
        let script = """
            mkdir -p "$1/sub" "$1/etc"; echo inside >"$1/etc/hostname"
            ln -s /etc/hostname "$1/file"; ln -s /etc "$1/folder"; ln -s ../../../../../etc "$1/up"
            ln -s /etc/passwd "$1/passwd"
            mke2fs -q -t ext4 -d "$1" "$2" 8M
            """
        let image = "\(causeway.folder)/links.img"
        try Command.require("sh", ["-c", script, "sh", tree, image])
        return image
    }

    @Test func `links in a source lead to its own files, never to this host's`() throws {
        try Causeway.scoped { causeway in
            let image = try imageWithLinks(causeway)
            for path in ["file", "folder/hostname", "up/hostname", "../../../etc/hostname"] {
                let outcome = try causeway.run(["cat", "\(image):/\(path)"])
                #expect(outcome.stdout == "inside\n", "\(path): \(outcome)")
            }
            for path in ["passwd", "folder/passwd", "up/passwd", "../../etc/passwd"] {
                let outcome = try causeway.run(["cat", "\(image):/\(path)"])
                #expect(outcome.status == 1 && outcome.output.isEmpty, "\(path): \(outcome)")
            }
            let list = try causeway.run(["ls", "\(image):/folder"])
            #expect(list.stdout == "hostname\n", "\(list)")
        }
    }

    @Test func `cp of the root fills a folder that is there`() throws {
        try Causeway.scoped { causeway in
            let image = try imageWithLinks(causeway)
            let folder = "\(causeway.folder)/copy"
            try RawPath(folder).makeFolder()
            let outcome = try causeway.run(["cp", "\(image):/", folder])
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try RawPath("\(folder)/etc/hostname").read() == Array("inside\n".utf8))
        }
    }

    @Test func `a command that is killed leaves nothing mounted`() throws {
        try Causeway.scoped { causeway in
            // It waits for its reader until it is killed.
            let cat = try causeway.start(["cat", "\(image):/big/noise", "\(image):/big/noise"])
            #expect(Wait.until(seconds: 60) { (try? causeway.sessions().count) == 1 })
            cat.process.signal(SIGKILL)
            _ = try cat.process.wait()
            #expect(Wait.until(seconds: 60) { (try? causeway.sessions().isEmpty) == true })
        }
    }
}
