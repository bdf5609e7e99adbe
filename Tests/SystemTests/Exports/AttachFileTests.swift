import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --attach` as an ordinary user: no device, and yet the raw image as a file.
@Suite(.tags(.system), .enabled(if: !Settings.isRoot, "not run: root gets a device"))
struct AttachFileTests {
    @Test func `an image of another format is a raw file, byte for byte`() throws {
        try Causeway.scoped { causeway in
            let raw = try causeway.copy("ext4")
            let image = "\(causeway.folder)/disk.qcow2"
            try Command.require("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, image])
            let before = try Lab.sha256(image)
            try causeway.withExport(image, ["--attach", "file", "--format", "qcow2"]) { exported in
                let file = try exported.path()
                try Command.require("cmp", [raw, file])
                try Command.require("e2fsck", ["-fn", file])
                let write = try Command.run(
                    "dd", ["if=/dev/zero", "of=\(file)", "bs=512", "count=1", "conv=notrunc"])
                #expect(!write.isSuccess, "\(write)")
                #expect(try causeway.run(["list"]).stdout.contains(file))
            }
            #expect(try Lab.sha256(image) == before)
        }
    }

    @Test func `what is written to the file is in the source, and other clients see it`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let copy = "\(causeway.folder)/copy.img"
            try Command.require("cp", [image, copy])
            let writes = [
                "-c", "write -P 7 1M 64k", "-c", "write -z 3M 1M", "-c", "discard 8M 1M", "-c",
                "flush",
            ]
            try Command.require("qemu-io", ["-f", "raw"] + writes + [copy])
            try causeway.withExport(image, ["--attach", "file", "--nbd", "--write"]) { exported in
                let (file, url) = (try exported.path(), try exported.url("nbd:"))
                try Command.require("qemu-io", ["-f", "raw"] + writes + [file])
                try Command.require("qemu-img", ["compare", "-f", "raw", "-F", "raw", file, url])
                let other = ["-f", "raw", "-c", "write -P 9 6M 4k", url]
                try Command.require("qemu-io", other)
                try Command.require("qemu-io", ["-f", "raw", "-c", "read -P 9 6M 4k", file])
                try Command.require("qemu-io", other.dropLast() + [copy])
            }
            try Command.require("cmp", [image, copy])
        }
    }

    @Test func `a file that is open is not taken away, unless by force`() throws {
        try Causeway.scoped { causeway in
            let exported = try causeway.export(try causeway.copy("ext4"), ["--attach", "file"])
            let script = "exec 5<\"$1\" && echo && exec sleep 300"
            let holder = try RunningCommand("sh", ["-c", script, "sh", try exported.path()])
            let isOpen = Wait.until(seconds: 60) {
                (try? holder.collect(until: Clock.milliseconds() + 50)) != nil
                    && holder.outputs[0] == [10]
            }
            #expect(isOpen)
            let refused = try causeway.run(["unmount", exported.session])
            #expect(refused.status == 5, "\(refused)")
            #expect(refused.stderr.contains("process \(holder.process.id)"), "\(refused)")
            let forced = try causeway.run(["unmount", exported.session, "--force"])
            #expect(forced.isSuccess, "\(forced)")
            try holder.process.killAndWait()
        }
    }

    @Test func `when the serving process is killed, the file answers with errors`() throws {
        try Causeway.scoped { causeway in
            let exported = try causeway.export(
                try causeway.copy("ext4"), ["--attach", "file", "--write"])
            kill(try #require(exported.processes["targets"]), SIGKILL)
            causeway.expectState("failed")
            let read = try Command.run("cat", [try exported.path()], seconds: 60)
            #expect(!read.isSuccess && !read.timedOut, "\(read)")
            let outcome = try causeway.run(["unmount", exported.session])
            #expect(outcome.status == 1 && outcome.stdout.contains("NOT cleanly"), "\(outcome)")
        }
    }

    @Test func `without privileges the error says what each way lacks, and what works`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let outcome = try causeway.run(["export", image, "--attach"])
            #expect(outcome.status == 6, "\(outcome)")
            for word in ["nbd: ", "iscsi: ", "file: ", "root", "--attach file"] {
                #expect(outcome.stderr.contains(word), "\(outcome)")
            }
            for way in ["nbd", "iscsi"] {
                let outcome = try causeway.run(["export", image, "--attach", way])
                #expect(outcome.status == 6 && outcome.stderr.contains("sudo"), "\(outcome)")
            }
        }
    }
}
