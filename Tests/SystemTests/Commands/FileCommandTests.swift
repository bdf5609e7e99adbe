import FileSystemLab
import Foundation
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
            let comparison = Comparison(found: found, expected: tree.manifest, traits: .posix)
            #expect(comparison.isSame, "\(comparison)")
        }
    }

    @Test func `cp into a source is refused with what to do instead`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["cp", "/etc/hostname", "\(image):/"])
            #expect(outcome.status == 4 && outcome.stderr.contains("--write"), "\(outcome)")
        }
    }
}
