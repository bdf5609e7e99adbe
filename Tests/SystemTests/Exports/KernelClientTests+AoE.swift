import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

extension KernelClientTests {
    private static let hardware = "52:54:00:00:00:01"

    private static func options(slot: Int) -> [String] {
        // One disk of each kind.
        let early = slot == 1 ? ["--answer-early"] : []
        return [
            "--interface", GuestNetwork.link, "--shelf", "1", "--slot", "\(slot)", "--write",
            "--mac", hardware,
        ] + early
    }

    @Test func `Linux's AoE client works on ext4 and XFS while an export starts again`() throws {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            try network.command("ip", "link", "set", GuestNetwork.link, "mtu", "9000")
            let images = try Self.images(in: causeway)
            var exports = try images.enumerated().map { number, image in
                try causeway.export(image.path, to: network, Self.options(slot: number))
            }
            #expect(try exports[1].url("aoe:") == "aoe:e1.1@\(GuestNetwork.link)")
            var guest = ClientGuest(in: network, modules: ["aoe", "ext4", "xfs"])
            guest.linkOptions = ["mac=\(Self.hardware)", "mtu=9000"]
            let running = try guest.start(
                GuestLoad.functions + Self.aoeScript, ["\(Self.seconds)"])
            _ = try running.line("working", seconds: 120)
            // The client sends again what nobody answers, for three minutes.
            try causeway.unmount(exports[0].session)
            exports[0] = try causeway.export(images[0].path, to: network, Self.options(slot: 0))
            let outcome = try running.finish(seconds: 300)
            try #require(outcome.isSuccess, "\(outcome)")
            #expect(outcome.stdout.contains("setting 8704 byte data frames"), "\(outcome)")
            for exported in exports { try causeway.unmount(exported.session) }
            try Self.expect(images, outcome.stdout, causeway)
        }
    }

    /// Makes file systems on two disks, and works on both at once.
    private static let aoeScript =
        foreign + """
            seconds=$1
            # A frame may be lost, and nobody repeats a question to everybody.
            for try in $(seq 240); do
                echo >/dev/etherd/discover
                [ -e /dev/etherd/e1.0 ] && [ -e /dev/etherd/e1.1 ] && break
                sleep 0.25
            done
            wait_for /dev/etherd/e1.0
            wait_for /dev/etherd/e1.1
            mkdir /mnt/ext4 /mnt/xfs
            mkfs.ext4 -q /dev/etherd/e1.0
            mkfs.xfs -q /dev/etherd/e1.1
            mount /dev/etherd/e1.0 /mnt/ext4
            mount /dev/etherd/e1.1 /mnt/xfs
            (foreign /mnt/ext4 1; load /mnt/ext4 1 "$seconds" | sed 's/^/ext4 /') & first=$!
            echo working
            foreign /mnt/xfs 2
            load /mnt/xfs 2 "$seconds" | sed 's/^/xfs /'
            wait $first
            umount /mnt/ext4 /mnt/xfs
            dmesg | grep 'aoe: e1'
            """
}
