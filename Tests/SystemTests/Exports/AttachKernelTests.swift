import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// `causeway export --attach` inside a guest, as its root: the NBD client and the iSCSI initiator
/// of a kernel that has them.
@Suite(
    .tags(.system), .serialized, .enabled(if: !Settings.isRoot, "not run: an ordinary user's test")
)
struct AttachKernelTests {
    private static let modules = [
        "nbd": ["nbd"], "iscsi": ["iscsi_tcp", "sd_mod"], "file": ["fuse", "loop"],
    ]

    /// What every script begins with: `$1` is the program, `$2` the way.
    private static let prologue = """
        program=$1 way=$2 image=$shared/disk.img
        export XDG_RUNTIME_DIR=/run/user XDG_STATE_HOME=/run/state
        mkdir -p /run/user
        echo InitiatorName=iqn.2026-11.localhost.guest:attach >/etc/iscsi/initiatorname.iscsi
        truncate -s 64M "$image"
        gone() { [ ! -e "/sys/block/${device#/dev/}/pid" ] && [ "$way" = nbd -o ! -e "$device" ]; }

        """

    private func run(_ script: String, way: String, modules: [String]) throws -> Outcome {
        var guest = ClientGuest(in: try GuestNetwork(), modules: modules)
        guest.memory = 512
        return try guest.run(Self.prologue + script, [Settings.program, way], seconds: 300)
    }

    @Test(arguments: ["nbd", "iscsi"])
    func `a file system on the device is whole, and the device is gone at the end`(
        way: String
    ) throws {
        let outcome = try run(
            """
            device=$("$program" export "$image" --attach "$way" --write --quiet)
            [ "$(blockdev --getsize64 "$device")" = $((64 << 20)) ]
            [ "$(blockdev --getss "$device")" = 512 ]
            [ "$(blockdev --getro "$device")" = 0 ]
            mkfs.ext4 -q "$device"
            mount "$device" /mnt
            head -c 9000000 /dev/urandom >/mnt/file
            before=$(sha256sum </mnt/file)
            status=0
            "$program" unmount "$device" 2>/run/words || status=$?
            [ "$status" = 5 ]
            grep -q 'mounted on /mnt' /run/words
            umount /mnt
            "$program" unmount "$device"
            gone
            e2fsck -fn "$image"
            device=$("$program" export "$image" --attach "$way" --quiet)
            [ "$(blockdev --getro "$device")" = 1 ]
            mount -o ro "$device" /mnt
            [ "$(sha256sum </mnt/file)" = "$before" ]
            umount /mnt
            "$program" list
            "$program" unmount "$image"
            gone
            """, way: way, modules: try #require(Self.modules[way]))
        #expect(outcome.isSuccess, "\(outcome)")
    }

    @Test(arguments: ["nbd", "iscsi"])
    func `when the serving process is killed, writers get errors and nothing is left`(
        way: String
    ) throws {
        let outcome = try run(
            """
            mkfs.ext4 -q "$image"
            device=$("$program" export "$image" --attach "$way" --write --quiet)
            mount "$device" /mnt
            (
                while dd if=/dev/zero of=/mnt/file bs=1M count=8 conv=fsync; do
                    echo >/run/written
                done
            ) 2>/dev/null &
            until [ -e /run/written ]; do sleep 0.1; done
            targets=$("$program" list --json | grep '"targets"' | tr -dc 0-9)
            kill -9 "$targets"
            start=$SECONDS
            wait
            # The promise is 30 s; the rest is for a machine that has much else to do.
            [ $((SECONDS - start)) -le 90 ]
            # The session hears of it a moment after the writer.
            for try in $(seq 300); do
                "$program" list | grep failed && break
                sleep 0.1
            done
            "$program" list | grep failed
            umount /mnt
            status=0
            "$program" unmount "$image" >/run/receipt || status=$?
            [ "$status" = 1 ]
            grep -q 'NOT cleanly' /run/receipt
            gone
            [ -z "$(ls /run/user/causeway/sessions)" ]
            # 1: the error that the kernel has noted in the superblock is taken out.
            e2fsck -fp "$image" || [ $? = 1 ]
            """, way: way, modules: try #require(Self.modules[way]))
        #expect(outcome.isSuccess, "\(outcome)")
    }

    @Test(arguments: ["nbd", "file"])
    func `partitions are devices too, and one that is mounted keeps the disk`(
        way: String
    ) throws {
        let outcome = try run(
            """
            printf 'label: gpt\\nstart=2048, size=40960\\nstart=43008\\n' | sfdisk -q "$image"
            device=$("$program" export "$image" --attach "$way" --write --quiet)
            [ "$(blockdev --getsize64 "${device}p1")" = 20971520 ]
            mkfs.ext4 -q "${device}p2"
            mount "${device}p2" /mnt
            status=0
            "$program" unmount "$device" 2>/run/words || status=$?
            [ "$status" = 5 ]
            grep -q 'mounted on /mnt' /run/words
            umount /mnt
            "$program" unmount "$device"
            """, way: way, modules: try #require(Self.modules[way]))
        #expect(outcome.isSuccess, "\(outcome)")
    }

    @Test func `a record goes on in the next way where one fails after it has begun`() throws {
        let outcome = try run(
            """
            # An initiator that never gets in.
            cp "$(command -v iscsiadm)" /run/iscsiadm
            cat >/run/refusing <<'END'
            #!/bin/sh
            case "$*" in *--login*) echo tried >>/run/tried; exit 8 ;; esac
            exec /run/iscsiadm "$@"
            END
            chmod +x /run/refusing
            mount --bind /run/refusing "$(command -v iscsiadm)"
            device=$("$program" export "$image" --attach --write --record /run/log --quiet)
            grep -q tried /run/tried
            case "$device" in /dev/loop*) ;; *) exit 1 ;; esac
            head -c 1000000 /dev/urandom >/run/data
            dd if=/run/data of="$device" bs=1M conv=fsync
            "$program" unmount "$device"
            cmp -n 1000000 /run/data "$image"
            [ "$(stat -c %s /run/log)" -gt 1000000 ]
            [ "$(head -c 8 /run/log)" = CWBLKLOG ]
            """, way: "file", modules: ["iscsi_tcp", "sd_mod", "fuse", "loop"])
        #expect(outcome.isSuccess, "\(outcome)")
    }

    @Test func `without modules the errors name them`() throws {
        let outcome = try run(
            """
            status=0
            "$program" export "$image" --attach nbd 2>/run/words || status=$?
            [ "$status" = 6 ]
            grep -q 'no NBD client (module nbd)' /run/words
            "$program" export "$image" --attach iscsi 2>/run/words && exit 1
            grep -q 'module iscsi_tcp' /run/words
            cat /run/words
            """, way: "nbd", modules: [])
        #expect(outcome.isSuccess, "\(outcome)")
    }
}
