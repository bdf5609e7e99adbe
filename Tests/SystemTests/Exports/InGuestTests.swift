import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --in-guest`: a machine opens the disk and speaks with other people's clients.
///
/// `NBDTests` and `KernelClientTests` export from a machine as well.
@Suite(.tags(.system), .serialized) struct InGuestTests {
    @Test func `an image of another format, behind TLS with a shared key`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.qcow2"
            try Command.require("qemu-img", ["create", "-q", "-f", "qcow2", image, "64M"])
            let keys = "\(causeway.folder)/keys.psk"
            let key = String(repeating: "5a", count: 32)
            try RawPath(keys).write(Array("eve:\(key)\n".utf8))
            let options = [
                "--nbd", "--write", "--in-guest", "--format", "qcow2", "--tls-psk", keys,
            ]
            try causeway.withExport(image, options) { exported in
                let url = try exported.url("nbds://127.0.0.1:")
                let plain = url.replacing("nbds:", with: "nbd:")
                #expect(try !Command.run("nbdinfo", [plain]).isSuccess)
                let write = """
                    h.set_tls(nbd.TLS_REQUIRE); h.set_tls_username('eve')
                    h.set_tls_psk_file('\(keys)'); h.connect_uri('\(url)')
                    h.pwrite(b'causeway' * 1024, 1 << 20); h.flush()
                    """
                try Command.require("nbdsh", ["-c", write])
            }
            let raw = "\(causeway.folder)/disk.img"
            try Command.require("qemu-img", ["convert", "-O", "raw", image, raw])
            let file = try Files.open(raw, .readOnly)
            let bytes = try Files.read(file, at: 1 << 20, count: 8192)
            #expect(bytes == Array(String(repeating: "causeway", count: 1024).utf8))
        }
    }

    @Test func `iSCSI initiators log in by password, find the portal, and pass the suite`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: 128 << 20)
            let secret = "\(causeway.folder)/secret"
            try RawPath(secret).write(Array("correct-horse-battery\n".utf8))
            let options = [
                "--iscsi", "--write", "--in-guest", "--user", "eve", "--password-file", secret,
            ]
            try causeway.withExport(image, options) { exported in
                let bare = try exported.url("iscsi://127.0.0.1:")
                #expect(try !Command.run("iscsi-inq", [bare]).isSuccess)
                let url = bare.replacing("iscsi://", with: "iscsi://eve%correct-horse-battery@")
                let portal = url.split(separator: "/").prefix(2).joined(separator: "//")
                let list = try Command.require("iscsi-ls", [portal]).stdout
                #expect(list.contains("Portal:127.0.0.1:"), "\(list)")
                let outcome = try Command.run(
                    "iscsi-test-cu", ["-d", "-t", "SCSI.Read10", "-t", "SCSI.Write10", url],
                    seconds: 120)
                #expect(outcome.isSuccess && !outcome.stdout.contains("FAILED"), "\(outcome)")
            }
        }
    }

    @Test func `when the machine is killed, clients are told and nothing stays behind`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let exported = try causeway.export(image, ["--nbd", "--write", "--in-guest"])
            let url = try exported.url("nbd:")
            // What is flushed reaches the source; then it writes for as long as it is let.
            let writes = """
                h.pwrite(b'7' * 512, 0); h.flush()
                for n in range(1 << 30): h.pwrite(b'8' * 65536, 65536 + n % 256 * 65536)
                """
            let client = try RunningCommand("nbdsh", ["--uri", url, "-c", writes])
            defer { _ = try? client.process.killAndWait() }
            let file = try Files.open(image, .readOnly)
            let flushed = Wait.until(seconds: 60) {
                (try? Files.read(file, at: 0, count: 1)) == [UInt8(ascii: "7")]
            }
            try #require(flushed)
            kill(try #require(exported.processes["machine"]), SIGKILL)
            let end = try client.process.wait(milliseconds: 60_000)
            #expect(end.map { !$0.isSuccess } == true, "the client still waits")
            #expect(try !Command.run("nbdinfo", [url]).isSuccess)
            causeway.expectState("failed")
            let outcome = try causeway.run(["unmount", exported.session], seconds: 60)
            #expect(outcome.status == 1 && outcome.stdout.contains("NOT cleanly"), "\(outcome)")
        }
    }

    @Test func `what only this computer can serve is refused by name`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run([
                "export", try causeway.copy("ext4"), "--attach", "file", "--in-guest",
            ])
            #expect(!outcome.isSuccess && outcome.stderr.contains("--in-guest"), "\(outcome)")
        }
    }
}
