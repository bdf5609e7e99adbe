import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --attach` as root: devices of this host's kernel.
@Suite(.tags(.system), .serialized, .enabled(if: Settings.isRoot, "not run: needs root"))
struct AttachTests {
    private static func word(_ program: String, _ arguments: [String]) throws -> String {
        let text = try Command.require(program, arguments).stdout
        return text.split(separator: "\n").first.map(String.init) ?? ""
    }

    /// An empty disk of 64 MiB.
    private static func makeDisk(_ causeway: Causeway) throws -> String {
        let image = "\(causeway.folder)/disk.img"
        try RawPath(image).write([])
        try RawPath(image).truncate(to: 64 << 20)
        return image
    }

    @Test func `a file system made on the device is on the source, and the device is gone`()
        throws
    {
        try Causeway.scoped { causeway in
            let image = try Self.makeDisk(causeway)
            let folder = try causeway.makeMountpoint()
            let exported = try causeway.export(image, ["--attach", "--write"])
            let device = try exported.path()
            #expect(try Self.word("blockdev", ["--getsize64", device]) == "\(64 << 20)")
            #expect(try Self.word("blockdev", ["--getro", device]) == "0")
            try Command.require("mkfs.ext4", ["-q", device])
            try Command.require("mount", [device, folder])
            let content = Content(size: 9_000_000, seed: 1).bytes
            try RawPath("\(folder)/file").write(content)
            try Command.require("fstrim", [folder])
            let refused = try causeway.run(["unmount", device])
            #expect(refused.status == 5 && refused.stderr.contains(folder), "\(refused)")
            #expect(try RawPath("\(folder)/file").read() == content)
            try Command.require("umount", [folder])
            try causeway.unmount(device)
            #expect(try !Command.run("blockdev", ["--getsize64", device]).stdout.hasPrefix("6"))
            try Command.require("e2fsck", ["-fn", image])
            try causeway.withExport(image, ["--attach"]) { again in
                try Command.require("mount", ["-o", "ro", try again.path(), folder])
                let found = Result { try RawPath("\(folder)/file").read() }
                try Command.require("umount", [folder])
                #expect(try found.get() == content)
            }
        }
    }

    @Test func `a read-only device refuses writes, and the source stays as it is`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let before = try Lab.sha256(image)
            let options = ["--attach", "file", "--sector-size", "4096"]
            try causeway.withExport(image, options) { exported in
                let device = try exported.path()
                #expect(try Self.word("blockdev", ["--getro", device]) == "1")
                #expect(try Self.word("blockdev", ["--getss", device]) == "4096")
                let write = try Command.run("dd", ["if=/dev/zero", "of=\(device)", "count=1"])
                #expect(!write.isSuccess, "\(write)")
                try Command.require("cmp", [image, device])
            }
            #expect(try Lab.sha256(image) == before)
        }
    }

    @Test func `an image of another format is a device like any other`() throws {
        try Causeway.scoped { causeway in
            let raw = try causeway.copy("ext4")
            let image = "\(causeway.folder)/disk.qcow2"
            try Command.require("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, image])
            let options = ["--attach", "file", "--write", "--format", "qcow2"]
            try causeway.withExport(image, options) { exported in
                let device = try exported.path()
                try Command.require("cmp", [raw, device])
                let write = ["if=/dev/urandom", "of=\(raw)", "bs=1M", "count=1", "seek=3"]
                try Command.require("dd", write + ["conv=notrunc"])
                try Command.require("dd", ["if=\(raw)", "of=\(device)", "bs=1M", "conv=fsync"])
            }
            try Command.require("qemu-img", ["compare", "-f", "raw", "-F", "qcow2", raw, image])
        }
    }

    @Test func `a process that has the device open is named`() throws {
        try Causeway.scoped { causeway in
            let image = try Self.makeDisk(causeway)
            let exported = try causeway.export(image, ["--attach", "file"])
            let script = "exec 5<\"$1\" && echo && exec sleep 300"
            let holder = try RunningCommand("sh", ["-c", script, "sh", try exported.path()])
            let isOpen = Wait.until(seconds: 60) {
                (try? holder.collect(until: Clock.milliseconds() + 50)) != nil
                    && holder.outputs[0] == [10]
            }
            #expect(isOpen)
            let refused = try causeway.run(["unmount", exported.session])
            try holder.process.killAndWait()
            #expect(refused.status == 5, "\(refused)")
            #expect(refused.stderr.contains("process \(holder.process.id)"), "\(refused)")
            try causeway.unmount(exported.session)
        }
    }

    @Test(arguments: ["targets", "session"])
    func `when a process behind it is killed, the device fails in bounded time`(
        role: String
    ) throws {
        try Causeway.scoped { causeway in
            let image = try Self.makeDisk(causeway)
            try Command.require("mkfs.ext4", ["-q", image])
            let folder = try causeway.makeMountpoint()
            let exported = try causeway.export(image, ["--attach", "file", "--write"])
            let device = try exported.path()
            try Command.require("mount", [device, folder])
            let writer = try Command.startWriting(to: folder + "/endless")
            let writes = Wait.until(seconds: 60) {
                (try? Files.status(folder + "/endless").size) ?? 0 > 1 << 20
            }
            #expect(writes)
            kill(try #require(exported.processes[role]), SIGKILL)
            // The promise is 30 s; the rest is for a machine that has much else to do.
            let sync = try Command.run("sync", ["-f", folder], seconds: 90)
            #expect(!sync.timedOut, "\(sync)")
            _ = try writer.process.killAndWait()
            causeway.expectState(role == "session" ? "dead" : "failed")
            _ = try Command.run("umount", [folder])
            let outcome = try causeway.run(["unmount", exported.session], seconds: 60)
            #expect(outcome.status == 1 && outcome.stdout.contains("NOT cleanly"), "\(outcome)")
            let loops = try Command.require("losetup", ["--list"]).stdout
            #expect(!loops.contains(causeway.folder), "\(loops)")
            // 1: the error that the kernel has noted in the superblock is taken out.
            try Command.shell("e2fsck -fp \"$1\" || [ $? = 1 ]", [image])
        }
    }
}
