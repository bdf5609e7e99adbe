import BlockDevice
import BlockDevices
import BlockFilters
import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --record`.
@Suite(.tags(.system)) struct RecordTests {
    @Test(arguments: ["--write", "--scratch"])
    func `the record of an export makes the same disk again`(mode: String) throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let copy = "\(causeway.folder)/copy.img"
            try Command.require("cp", [image, copy])
            let log = "\(causeway.folder)/disk.log"
            let writes = [
                "write -P 7 1M 64k", "flush", "write -z 3M 1M", "write -P 8 -f 1028k 12k",
                "aio_write -P 9 5M 4k", "aio_write -P 10 6M 2M", "aio_flush",
            ].flatMap { ["-c", $0] }
            try causeway.withExport(image, ["--nbd", mode, "--record", log]) { exported in
                try Command.require(
                    "qemu-io", ["-f", "raw"] + writes + [try exported.url("nbd:")])
            }
            let replay = CrashReplay(try BlockLog(try Files.open(log, .readOnly)))
            let entries = replay.log.entries
            #expect(entries.contains { $0.options.contains(.forceUnitAccess) })
            #expect(entries.last?.kind == .flush)
            let device = try FileDevice(path: copy, options: .init(isWritable: true))
            try replay.apply(0..<entries.count, to: device)
            if mode == "--scratch" { #expect(try causeway.run(["commit", image]).isSuccess) }
            try Command.require("cmp", [image, copy])
        }
    }

    @Test func `a record is never written over a file, nor where nothing is written`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let before = try Lab.sha256(image)
            let over = try causeway.run(["export", image, "--nbd", "--write", "--record", image])
            #expect(!over.isSuccess && over.stderr.contains("does not exist yet"), "\(over)")
            #expect(try Lab.sha256(image) == before)
            let log = "\(causeway.folder)/disk.log"
            let reading = try causeway.run(["export", image, "--nbd", "--record", log])
            #expect(reading.status == 64 && !Files.exists(log), "\(reading)")
        }
    }

    @Test func `where the record finds no room, clients are told`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let log = "\(causeway.folder)/disk.log"
            // The limit of a file's size is inherited by the process that records; the clients
            // write where the image itself stays below it.
            let words = [
                "-c", "ulimit -f 1024; exec \"$@\"", "sh", Settings.program, "export", image,
                "--nbd", "--write", "--json", "--record", log,
            ]
            let outcome = try Command.run("sh", words, environment: causeway.environment)
            try #require(outcome.isSuccess, "\(outcome)")
            let session = try #require(try causeway.sessions().first)
            let url = try #require((session["urls"] as? [String])?.first)
            let writes = (0..<16).flatMap { ["-c", "write -P 7 \($0 % 4 * 64)k 64k"] }
            let client = try Command.run("qemu-io", ["-f", "raw"] + writes + [url])
            #expect(client.stdout.contains("failed") || !client.isSuccess, "\(client)")
            let end = try causeway.run(["unmount", image])
            #expect(end.status == 1 && end.stdout.contains("NOT cleanly"), "\(end)")
        }
    }
}
