import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// Processes of an export are killed under load and the export is started again: clients find
/// everything that was acknowledged.
@Suite(.tags(.system), .serialized) struct KilledExportTests {
    private static let rounds = Settings.rounds(2, full: 20)

    /// QEMU's NBD client asks again after a reconnection; fio works through it, and checks the
    /// CRC-32C of every block that it wrote.
    @Test func `fio finds every block it wrote by NBD, whatever was killed meanwhile`() throws {
        try Causeway.scoped { causeway in
            let (image, socket) = try Self.disk(in: causeway)
            let options = ["--nbd", "--write", "--name", "disk", "--listen", "unix:\(socket)"]
            var exported = try causeway.export(image, options)
            let proxy = "\(causeway.folder)/proxy.sock"
            let client = [
                "driver=raw", "file.driver=nbd", "file.server.type=unix",
                "file.server.path=\(socket)", "file.export=disk", "file.reconnect-delay=60",
            ].joined(separator: ",")
            let words = ["--persistent", "--socket", proxy, "--image-opts", client]
            let middle = try RunningCommand("qemu-nbd", words)
            defer { _ = try? middle.process.killAndWait() }
            try #require(Wait.until(seconds: 60) { Files.exists(proxy) })
            let load = try RunningCommand(
                "fio", Self.load + ["--ioengine=nbd", "--uri=nbd+unix:///?socket=\(proxy)"])
            for round in 0..<Self.rounds {
                exported = try Self.kill(round, exported, image, options, causeway)
            }
            try Self.expectSuccess(load)
            try causeway.unmount(exported.session)
        }
    }

    /// Linux's initiator logs in again and repeats what was not answered.
    @Test func `fio finds every block it wrote by iSCSI, whatever was killed meanwhile`() throws {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            let (image, _) = try Self.disk(in: causeway)
            let secret = "\(causeway.folder)/secret"
            try RawPath(secret).write(Array("correct-horse-battery\n".utf8))
            let options = [
                "--iscsi", "--write", "--user", "eve", "--password-file", secret, "--listen",
                "\(GuestNetwork.hostAddress):3260",
            ]
            var exported = try causeway.export(image, options, in: network)
            let guest = try ClientGuest(in: network, modules: ["iscsi_tcp", "sd_mod"]).start(
                GuestLoad.functions + GuestLoad.iscsi(user: "eve", "correct-horse-battery") + """
                    iscsiadm -m discovery -t sendtargets -p \(GuestNetwork.hostAddress) >/dev/null
                    iscsiadm -m node -l >/run/login || { cat /run/login; exit 1; }
                    wait_for /dev/sda
                    echo working
                    cd /run
                    fio --ioengine=libaio --filename=/dev/sda "$@"
                    iscsiadm -m node -u
                    """, Self.load)
            _ = try guest.line("working", seconds: 120)
            for round in 0..<Self.rounds {
                exported = try Self.kill(round, exported, image, options, causeway, network)
            }
            let outcome = try guest.finish(seconds: 300)
            #expect(outcome.isSuccess, "\(outcome)")
            try causeway.unmount(exported.session)
        }
    }

    @Test(arguments: [[], ["--in-guest"]])
    func `when the session is killed, clients are told and nothing stays behind`(
        road: [String]
    ) throws {
        try Causeway.scoped { causeway in
            let (image, socket) = try Self.disk(in: causeway)
            let options = ["--nbd", "--iscsi", "--write", "--listen", "nbd=unix:\(socket)"] + road
            let exported = try causeway.export(image, options)
            let url = try exported.url("nbd+unix:")
            // Writes for as long as it is let.
            let writes = "for n in range(1 << 30): h.pwrite(b'7' * 65536, n % 1024 * 65536)"
            let client = try RunningCommand("nbdsh", ["--uri", url, "-c", writes])
            defer { _ = try? client.process.killAndWait() }
            try #require(
                Wait.until(seconds: 60) { (try? Files.allocated(image)) ?? 0 > 1 << 20 })
            Glibc.kill(try #require(exported.processes["session"]), SIGKILL)
            // The promise is 20 s; the rest is for a machine that has much else to do.
            #expect(try client.collect(until: Clock.milliseconds() + 60_000), "the client hangs")
            #expect(try client.process.wait(milliseconds: 60_000)?.isSuccess == false)
            let ended = try causeway.run(["unmount", image])
            #expect(ended.status == 1, "\(ended)")
            #expect(!Files.exists(socket), "\(ended)")
            let again = try causeway.export(image, options)
            try Command.require(
                "qemu-io", ["-f", "raw", "-c", "read 0 1M", try again.url("nbd+unix:")])
            try causeway.unmount(again.session)
        }
    }

    @Test func `an export takes over the socket of a session that was killed`() throws {
        try Causeway.scoped { causeway in
            let (image, socket) = try Self.disk(in: causeway)
            let options = ["--nbd", "--listen", "unix:\(socket)"]
            let exported = try causeway.export(image, options)
            let read = ["-r", "-f", "raw", "-c", "read 0 1M", try exported.url("nbd+unix:")]
            // Nobody takes what is served.
            let other = try causeway.run(["export", try causeway.copy("ext4")] + options)
            #expect(other.status == 5 && other.stderr.contains("in use"), "\(other)")
            try Command.require("qemu-io", read)
            Glibc.kill(try #require(exported.processes["session"]), SIGKILL)
            let targets = try #require(exported.processes["targets"])
            try #require(Wait.until(seconds: 60) { !Processes.isRunning(targets) })
            #expect(Files.exists(socket))
            let again = try causeway.export(image, options)
            try Command.require("qemu-io", read)
            // Tidying up after the dead session leaves the new one's socket alone.
            #expect(try causeway.run(["unmount", exported.session]).isSuccess)
            try Command.require("qemu-io", read)
            try causeway.unmount(again.session)
            #expect(!Files.exists(socket))
        }
    }

    private static let size: UInt64 = 64 << 20

    private static func disk(in causeway: Causeway) throws -> (image: String, socket: String) {
        let image = "\(causeway.folder)/disk.img"
        try RawPath(image).write([])
        try RawPath(image).truncate(to: size)
        return (image, "\(causeway.folder)/disk.sock")
    }

    /// Writes everywhere once, at a rate that leaves time for the kills, then reads and checks.
    private static let load = [
        "--name=checked", "--rw=randwrite", "--bs=16k", "--size=64m", "--iodepth=16",
        "--rate=\(max(1, 16 / rounds))m", "--fsync=64", "--verify=crc32c", "--do_verify=1",
        "--verify_fatal=1", "--group_reporting", "--output-format=terse",
    ]

    private static func expectSuccess(_ load: RunningCommand) throws {
        let ended = try load.collect(until: Clock.milliseconds() + 300_000)
        let end = ended ? try load.process.wait(milliseconds: 60_000) : nil
        if end == nil { _ = try? load.process.killAndWait() }
        let words = load.outputs.map { String(decoding: $0.suffix(1500), as: UTF8.self) }
        #expect(end?.isSuccess == true, "\(String(describing: end)): \(words)")
    }

    /// Kills the serving process or the session, tidies up, and exports again.
    private static func kill(
        _ round: Int, _ exported: Exported, _ image: String, _ options: [String],
        _ causeway: Causeway, _ network: GuestNetwork? = nil
    ) throws -> Exported {
        // Something is being written, or all of it was, and is being read.
        let before = try Files.allocated(image)
        let isUnderWay = Wait.until(seconds: 60) {
            let now = (try? Files.allocated(image)) ?? 0
            return now > before + (512 << 10) || now >= size
        }
        #expect(isUnderWay)
        let role = round % 2 == 0 ? "targets" : "session"
        Glibc.kill(try #require(exported.processes[role]), SIGKILL)
        causeway.expectState(role == "session" ? "dead" : "failed")
        let outcome = try causeway.run(["unmount", exported.session])
        #expect(outcome.status == 1, "\(outcome)")
        return try causeway.export(image, options, in: network)
    }
}
