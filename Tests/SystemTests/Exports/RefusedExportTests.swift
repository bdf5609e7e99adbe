import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export` where there is no room, and options that would change nothing.
@Suite(.tags(.system)) struct RefusedExportTests {
    @Test func `a write without room fails alone: flushes and forced writes go on`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: 64 << 20)
            // No process of it may write behind 8 MiB of a file: what a full disk says too.
            let script = "ulimit -f 8192; exec \"$@\""
            let words = [Settings.program, "export", image, "--nbd", "--write", "--json"]
            let exported = try causeway.exported(
                try Command.run(
                    "bash", ["-c", script, "sh"] + words, environment: causeway.environment))
            let talk = """
                import nbd
                h = nbd.NBD(); h.connect_uri('\(try exported.url("nbd:"))')
                def told(call):
                    try:
                        call()
                        return 'done'
                    except nbd.Error as error:
                        return error.errno
                page, far = b'x' * 4096, 20 << 20
                print(told(lambda: h.pwrite(page, far, nbd.CMD_FLAG_FUA)),
                      told(lambda: h.pwrite(page, far)), told(h.flush),
                      told(lambda: h.pwrite(page, 0, nbd.CMD_FLAG_FUA)),
                      told(lambda: h.pwrite(page * 512, (8 << 20) - 8192, nbd.CMD_FLAG_FUA)),
                      told(h.flush))
                """
            let answers = try Command.require("/usr/bin/python3", ["-c", talk]).stdout
            #expect(answers == "ENOSPC ENOSPC done done ENOSPC done\n")
            try causeway.unmount(exported.session)
        }
    }

    @Test(arguments: [
        ["--nbd", "--user", "eve", "--password-file", "f"], ["--nbd", "--initiator", "iqn.x"],
        ["--nbd", "--iqn", "iqn.2026-11.com.example:x"], ["--iscsi", "--tls-psk", "f"],
        ["--iscsi", "--tls-certificate", "f", "--tls-key", "f"], ["--nbd", "--memory", "256"],
        ["--nbd", "--in-guest", "--memory", "80"], ["--nbd", "--write", "--partition", "0"],
        ["--iscsi", "--iqn", "iqn.2026-13.com.example:x"],
        ["--iscsi", "--iqn", "iqn.2026-11.com.example/x"],
    ])
    func `an option that does not apply is refused, not passed over`(options: [String]) throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: 1 << 20)
            let outcome = try causeway.run(["export", image] + options)
            #expect(outcome.status == 64, "\(outcome)")
            let named = options.filter { $0.hasPrefix("--") }
            #expect(named.contains { outcome.stderr.contains($0) }, "\(outcome)")
        }
    }

    @Test func `a file that grows is larger for the next client`() throws {
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/disk.img"
            try RawPath(image).write([])
            try RawPath(image).truncate(to: 1 << 20)
            try causeway.withExport(image, ["--nbd", "--iscsi"]) { exported in
                try RawPath(image).truncate(to: 2 << 20)
                let isSeen = Wait.until(seconds: 10) {
                    (try? Command.require("nbdinfo", ["--size", exported.url("nbd:")]).stdout)
                        == "\(2 << 20)\n"
                }
                #expect(isSeen)
                let capacity = try Command.require(
                    "iscsi-readcapacity16", [try exported.url("iscsi:")]
                ).stdout
                #expect(capacity.contains("\(2 << 20)"), "\(capacity)")
            }
        }
    }

    @Test(.enabled(if: !Settings.isRoot, "not run: root gets a device"))
    func `who is cut off from an attached file is told in the receipt`() throws {
        try Causeway.scoped { causeway in
            let exported = try causeway.export(
                try causeway.copy("ext4"), ["--attach", "file", "--write"])
            let script = "exec 5<>\"$1\" && echo && exec sleep 300"
            let holder = try RunningCommand("sh", ["-c", script, "sh", try exported.path()])
            let isOpen = Wait.until(seconds: 10) {
                (try? holder.collect(until: Clock.milliseconds() + 50)) != nil
                    && holder.outputs[0] == [10]
            }
            #expect(isOpen)
            let forced = try causeway.run(["unmount", exported.session, "--force"])
            #expect(forced.stdout.contains("cut off: process \(holder.process.id)"), "\(forced)")
            #expect(forced.stdout.contains("NOT cleanly"), "\(forced)")
            try holder.process.killAndWait()
        }
    }
}
