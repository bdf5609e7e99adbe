import FileSystemLab
import Foundation
import Platform
import Testing

/// The source goes away, shrinks or fills up under a mount.
@Suite(.tags(.system)) struct SourceLostTests {
    private let fileSystem: FileSystem

    init() throws { fileSystem = try FileSystem.named("ext4") }

    @Test func `an image truncated under a mount gives errors, never other content`() throws {
        let tree = try Lab.tree(for: fileSystem.traits)
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let mounted = try causeway.mount(image)
            _ = try Command.run("ls", ["-lR", mounted.folder])
            try RawPath(image).truncate(to: 2 << 20)
            causeway.expectState("failed")
            var read = 0
            var failed = 0
            for (path, entry) in tree.manifest.entries where entry.kind == "f" {
                let file = "\(mounted.folder)/".utf8 + path
                guard let bytes = try? RawPath(Array(file)).read() else {
                    failed += 1
                    continue
                }
                read += 1
                let name = RawPath(path)
                #expect(bytes.count == Int(entry.size), "\(name)")
                let sum = try Self.sha256(bytes, in: causeway.folder)
                if sum != entry.sha256 {
                    Issue.record("\(name) was read with other content after \(read) files")
                    break
                }
            }
            #expect(failed > 0, "\(read) files were read from an image that is gone")
            let outcome = try causeway.run(["unmount", mounted.folder], seconds: 60)
            #expect(!outcome.timedOut, "\(outcome)")
        }
    }

    @Test func `an image that becomes unreadable gives errors and detaches`() throws {
        try Nested.with(mebibytes: 400) { nested in
            let image = "\(nested.outer.folder)/inner.img"
            try Command.require(
                "cp", ["--sparse=always", try Lab.image(of: fileSystem), image])
            try Command.require("chmod", ["u+w", image])
            let inner = try nested.causeway.mount(image, ["--write"], at: "inner")
            try Acknowledged.write(in: inner)
            try nested.outer.kill("machine")
            let outcome = try Command.run(
                "sh", ["-c", "echo >\"$1/new\" && sync \"$1/new\"", "sh", inner.folder], seconds: 60
            )
            #expect(!outcome.timedOut && !outcome.isSuccess, "\(outcome)")
            let unmount = try nested.causeway.run(["unmount", inner.folder], seconds: 120)
            #expect(!unmount.timedOut && unmount.status == 1, "\(unmount)")
        }
    }

    @Test func `a source on a full disk refuses to acknowledge, and keeps what it acknowledged`()
        throws
    {
        try Nested.with(mebibytes: 64) { nested in
            let image = "\(nested.outer.folder)/inner.img"
            try fileSystem.makeImage(
                at: image, tree: try nested.causeway.makeMountpoint("empty"), mebibytes: 300)
            let inner = try nested.causeway.mount(image, ["--write"], at: "inner")
            try Acknowledged.write(in: inner)
            let outcome = try Command.run(
                "dd",
                [
                    "if=/dev/urandom", "of=\(inner.folder)/filling", "bs=1M", "count=200",
                    "conv=fsync",
                ], seconds: 120)
            #expect(!outcome.timedOut && !outcome.isSuccess, "\(outcome)")
            let unmount = try nested.causeway.run(["unmount", inner.folder], seconds: 120)
            #expect(!unmount.timedOut, "\(unmount)")
            let copy = "\(nested.causeway.folder)/copy.img"
            try Command.require("cp", ["--sparse=always", image, copy])
            try Acknowledged.expect(on: copy, nested.causeway)
        }
    }

    @Test func `an overlay on a full disk refuses to acknowledge, and the source stays whole`()
        throws
    {
        try Nested.with(mebibytes: 48) { nested in
            let state = "\(nested.outer.folder)/state"
            try RawPath(state).makeFolder(mode: 0o700)
            try Causeway.scoped(environment: ["XDG_STATE_HOME": state]) { causeway in
                let image = try causeway.copy("ext4")
                let before = try Lab.sha256(image)
                let inner = try causeway.mount(image, ["--scratch"])
                try Acknowledged.write(in: inner)
                let outcome = try Command.run(
                    "dd",
                    [
                        "if=/dev/urandom", "of=\(inner.folder)/filling", "bs=1M", "count=120",
                        "conv=fsync",
                    ], seconds: 120)
                #expect(!outcome.timedOut && !outcome.isSuccess, "\(outcome)")
                let unmount = try causeway.run(["unmount", inner.folder], seconds: 120)
                #expect(!unmount.timedOut, "\(unmount)")
                let discard = try causeway.run(["discard", image])
                #expect(discard.isSuccess, "\(discard)")
                #expect(try Lab.sha256(image) == before)
            }
        }
    }

    private static func sha256(_ bytes: [UInt8], in folder: String) throws -> String {
        let path = "\(folder)/read"
        try RawPath(path).write(bytes)
        return try Lab.sha256(path)
    }
}

/// A small disk that an ordinary user can make: a mounted file system to put sources on.
struct Nested {
    let causeway: Causeway
    let outer: Mounted

    static func with(mebibytes: Int, _ body: (Nested) throws -> Void) throws {
        let fileSystem = try FileSystem.named("ext4")
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/outer.img"
            try fileSystem.makeImage(
                at: image, tree: try causeway.makeMountpoint("nothing"), mebibytes: mebibytes)
            let outer = try causeway.mount(image, ["--write"], at: "outer")
            let result = Result { try body(Nested(causeway: causeway, outer: outer)) }
            let outcome = try causeway.run(["unmount", outer.folder, "--force"], seconds: 120)
            #expect(!outcome.timedOut, "\(outcome)")
            try result.get()
        }
    }
}
