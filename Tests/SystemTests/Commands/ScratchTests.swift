import FileSystemLab
import Foundation
import Testing

/// `--scratch`: changes that the source does not see until they are committed.
@Suite(.tags(.system)) struct ScratchTests {
    @Test(arguments: ["ext4", "xfs", "fat16", "ntfs"])
    func `changes stay in the overlay until they are committed`(name: String) throws {
        let fileSystem = try FileSystem.named(name)
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let before = try Lab.sha256(image)
            let content = Content(size: 700_000, seed: 5).bytes
            try causeway.withMount(image, ["--scratch"]) { mounted in
                try mounted.path("kept").write(content)
                try mounted.path("big/zeros").remove()
            }
            #expect(try Lab.sha256(image) == before)
            try causeway.withMount(image, ["--scratch"]) { mounted in
                let found = try mounted.path("kept").read()
                #expect(found == content, "a later mount takes the overlay up")
            }
            let commit = try causeway.run(["commit", image], seconds: 120)
            #expect(commit.isSuccess, "\(commit)")
            #expect(try Lab.sha256(image) != before)
            try fileSystem.checkImage(image)
            try causeway.withMount(image) { mounted in
                let found = try mounted.path("kept").read()
                #expect(found == content)
                #expect(try errnoOf { _ = try mounted.path("big/zeros").read() } == ENOENT)
            }
        }
    }

    @Test func `discarded changes are gone, and nothing is left to commit`() throws {
        let fileSystem = try FileSystem.named("ext4")
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let before = try Lab.sha256(image)
            try causeway.withMount(image, ["--scratch"]) { mounted in
                try mounted.path("lost").write([1])
            }
            #expect(try causeway.run(["discard", image]).isSuccess)
            #expect(try causeway.run(["commit", image]).isSuccess == false)
            try causeway.withMount(image, ["--scratch"]) { mounted throws in
                #expect(try errnoOf { _ = try mounted.path("lost").read() } == ENOENT)
                let busy = try causeway.run(["commit", image])
                #expect(busy.status == 5, "\(busy)")
            }
            #expect(try causeway.run(["discard", image]).isSuccess)
            #expect(try Lab.sha256(image) == before)
        }
    }

    @Test func `an overlay is refused where the source was changed behind its back`() throws {
        let fileSystem = try FileSystem.named("ext4")
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            try causeway.withMount(image, ["--scratch"]) { mounted in
                try mounted.path("kept").write([1])
            }
            let mountpoint = try causeway.makeMountpoint()
            // Causeway itself writes to nothing that has an overlay.
            for options in [["mount", image, mountpoint], ["export", image, "--nbd"]] {
                let outcome = try causeway.run(options + ["--write"])
                #expect(outcome.status == 5 && outcome.stderr.contains("commit"), "\(outcome)")
            }
            try Command.require("tune2fs", ["-L", "other", image])
            let outcome = try causeway.run(["mount", image, mountpoint, "--scratch"])
            #expect(!outcome.isSuccess, "\(outcome)")
            #expect(outcome.stderr.contains("discard"), "\(outcome)")
            #expect(try causeway.run(["discard", image]).isSuccess)
        }
    }
}
