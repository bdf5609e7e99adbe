import FileSystemLab
import Foundation
import Platform
import Testing

/// File systems in images of other formats than raw.
@Suite(.tags(.system)) struct FormatTests {
    /// A filled image of f2fs, in another format.
    private static func makeImage(_ format: String, in causeway: Causeway) throws -> String {
        let raw = try causeway.copy("f2fs")
        let image = "\(causeway.folder)/disk.\(format)"
        try Command.require("qemu-img", ["convert", "-f", "raw", "-O", format, raw, image])
        return image
    }

    @Test(arguments: ["qcow2", "vmdk", "vhdx"])
    func `a file system in an image is mounted, read and written`(format: String) throws {
        try Causeway.scoped { causeway in
            let fileSystem = try FileSystem.named("f2fs")
            let image = try Self.makeImage(format, in: causeway)
            let before = try Lab.sha256(image)
            let options = ["--format", format]
            let expected = try Lab.tree(for: fileSystem.traits).manifest
            try causeway.withMount(image, options) { mounted in
                let comparison = Comparison(
                    found: try mounted.manifest().without(fileSystem.own), expected: expected,
                    traits: fileSystem.traits)
                #expect(comparison.isSame, "\(comparison)")
            }
            #expect(try Lab.sha256(image) == before)
            let content = Content(size: 700_000, seed: 6).bytes
            try causeway.withMount(image, options + ["--write"]) { mounted in
                try mounted.path("new").write(content)
            }
            let raw = "\(causeway.folder)/back.img"
            try Command.require("qemu-img", ["convert", "-f", format, "-O", "raw", image, raw])
            try fileSystem.checkImage(raw)
            let file = try causeway.run(["cat", "\(image):/new"] + options)
            #expect(file.isSuccess && file.output == content, "\(file.stderr)")
        }
    }

    @Test func `without its format an image is refused with the format to name`() throws {
        try Causeway.scoped { causeway in
            let image = try Self.makeImage("qcow2", in: causeway)
            let mount = try causeway.run(["mount", image, try causeway.makeMountpoint()])
            #expect(mount.status == 4 && mount.stderr.contains("--format qcow2"), "\(mount)")
            let native = try causeway.run([
                "mount", image, try causeway.makeMountpoint(), "--native", "--format", "qcow2",
            ])
            #expect(native.status == 4 && native.stderr.contains("--native"), "\(native)")
        }
    }

    @Test func `probe looks into an image, leaves it alone, and leaves nothing behind`() throws {
        try Causeway.scoped { causeway in
            let image = try Self.makeImage("qcow2", in: causeway)
            let before = try Lab.sha256(image)
            let text = try causeway.run(["probe", image, "--format", "qcow2"])
            #expect(text.isSuccess && text.stdout.contains("F2FS"), "\(text)")
            #expect(text.stdout.contains("does not open this format"), "\(text)")
            #expect(try Lab.sha256(image) == before)
            let mounts = try String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)
            #expect(!mounts.contains(causeway.folder), "\(mounts)")
        }
    }

    /// A process that waits for its own answer would be stuck in the kernel for ever.
    @Test(arguments: ["", "/nbd", "/disk", "/disk/disk"], [SIGINT, SIGKILL])
    func `a look that is cut short ends at once, and the next one tidies up`(
        moment: String, signal: Int32
    ) throws {
        try Causeway.scoped { causeway in
            let image = try Self.makeImage("qcow2", in: causeway)
            let words = ["probe", image, "--format", "qcow2"]
            let runtime = "\(causeway.folder)/run/causeway"
            func folders() -> [String] {
                let names = (try? Files.list(runtime)) ?? []
                return names.filter { $0.hasPrefix("probe-") }.map { "\(runtime)/\($0)" }
            }
            let running = try causeway.start(words)
            // The last of the moments may be over before it is seen.
            let seen = Wait.until(seconds: 60) {
                running.hasEnded || folders().contains { Files.exists($0 + moment) }
            }
            #expect(seen)
            running.process.signal(signal)
            // The promise is 10 s; the rest is for a machine that has much else to do.
            #expect(try running.process.wait(milliseconds: 60_000) != nil, "it is stuck")
            // Its helpers end with it, a moment later; until then its folder is not a dead one's.
            #expect(Wait.until(seconds: 60) { Processes.mentioning(causeway.folder).isEmpty })
            #expect(try causeway.run(words).isSuccess)
            let left = folders().filter { Files.exists("\($0)/lock") }
            #expect(left.isEmpty)
        }
    }
}
