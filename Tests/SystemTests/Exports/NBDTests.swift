import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --nbd`, attached to by other people's clients.
@Suite(.tags(.system)) struct NBDTests {
    /// Served by a process of this host, and from inside a machine.
    private static let roads = [[], ["--in-guest"]]

    @Test(arguments: roads)
    func `clients see the source, byte for byte, and cannot change it`(road: [String]) throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let before = try Lab.sha256(image)
            try causeway.withExport(image, ["--nbd"] + road) { exported in
                let url = try exported.url("nbd://127.0.0.1:")
                let info = try Command.require("nbdinfo", ["--json", url]).stdout
                #expect(info.contains("\"is_read_only\": true"), "\(info)")
                try Command.require("qemu-img", ["compare", "-f", "raw", "-F", "raw", image, url])
                let write = try Command.run(
                    "qemu-io", ["-f", "raw", "-c", "write -P 7 0 4096", url])
                #expect(!write.isSuccess || write.stdout.contains("failed"), "\(write)")
                // With a machine, no process of this host reads what clients say.
                #expect((exported.processes["targets"] == nil) == !road.isEmpty)
                #expect((exported.processes["machine"] != nil) == !road.isEmpty)
            }
            #expect(try Lab.sha256(image) == before)
        }
    }

    @Test(arguments: roads)
    func `what clients write is on the source when the export has ended`(road: [String]) throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let copy = "\(causeway.folder)/copy.img"
            try Command.require("cp", [image, copy])
            let writes = [
                "-c", "write -P 7 1M 64k", "-c", "write -z 3M 1M", "-c", "discard 8M 1M", "-c",
                "flush",
            ]
            try Command.require("qemu-io", ["-f", "raw"] + writes + [copy])
            let socket = "\(causeway.folder)/disk.sock"
            let options = ["--nbd", "--write", "--listen", "unix:\(socket)"] + road
            try causeway.withExport(image, options) { exported in
                let url = try exported.url("nbd+unix://")
                try Command.require("qemu-io", ["-f", "raw"] + writes + [url])
            }
            try Command.require("cmp", [image, copy])
            #expect(!Files.exists(socket))
        }
    }

    @Test func `a partition is a disk of its own`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: 64 << 20)
            let table = "label: gpt\nstart=2048, size=20480\nstart=22528, size=40960\n"
            try RawPath("\(causeway.folder)/table").write(Array(table.utf8))
            let script = "/sbin/sfdisk -q \"$1\" <\"$2\""
            try Command.require("sh", ["-c", script, "sh", image, "\(causeway.folder)/table"])
            try causeway.withExport(image, ["--nbd", "--write", "--partition", "2"]) { exported in
                let url = try exported.url("nbd:")
                let size = try Command.require("nbdinfo", ["--size", url]).stdout
                #expect(size == "\(40960 * 512)\n")
                try Command.require("qemu-io", ["-f", "raw", "-c", "write -P 9 0 4k", url])
            }
            let file = try Files.open(image, .readOnly)
            let bytes = try Files.read(file, at: 22528 * 512, count: 4096)
            #expect(bytes.allSatisfy { $0 == 9 })
        }
    }

    @Test func `nobody else may have the source meanwhile`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try causeway.withExport(image, ["--nbd"]) { exported in
                let second = try causeway.run(["export", image, "--nbd"])
                #expect(second.status == 5 && second.stderr.contains(exported.session), "\(second)")
                let mount = try causeway.run(["mount", image, try causeway.makeMountpoint()])
                #expect(mount.status == 5, "\(mount)")
                let list = try causeway.run(["list"]).stdout
                #expect(list.contains(try exported.url("nbd:")), "\(list)")
            }
        }
    }

    @Test func `when the serving process is killed, the export fails and says so`() throws {
        try Causeway.scoped { causeway in
            let exported = try causeway.export(try causeway.copy("ext4"), ["--nbd", "--write"])
            let url = try exported.url("nbd:")
            let writes = ["-c", "write -P 7 0 4k", "-c", "flush"]
            try Command.require("qemu-io", ["-f", "raw"] + writes + [url])
            kill(try #require(exported.processes["targets"]), SIGKILL)
            causeway.expectState("failed")
            let outcome = try causeway.run(["unmount", exported.session], seconds: 60)
            #expect(outcome.status == 1 && outcome.stdout.contains("NOT cleanly"), "\(outcome)")
        }
    }

    @Test func `beyond this computer a password is needed`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let outcome = try causeway.run(["export", image, "--nbd", "--listen", "0.0.0.0:0"])
            #expect(!outcome.isSuccess && outcome.stderr.contains("--tls-psk"), "\(outcome)")
        }
    }
}
