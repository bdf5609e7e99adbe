import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// Exports that another computer's Linux kernel attaches: its iSCSI initiator, its NBD client.
///
/// The other computer is a guest on one Ethernet link. It makes file systems, works on them,
/// unmounts and detaches; then the host's checkers look at the sources, and `causeway mount` reads
/// back what the guest has left. The second disk is served from inside a machine (`--in-guest`).
@Suite(.tags(.system), .serialized) struct KernelClientTests {
    static let seconds = Settings.isFull ? 60 : 4

    @Test func `Linux's iSCSI initiator proves who it is, and works on ext4 and XFS`() throws {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            let images = try Self.images(in: causeway)
            let secret = "\(causeway.folder)/secret"
            try RawPath(secret).write(Array("correct-horse-battery\n".utf8))
            let own = "\(causeway.folder)/own"
            try RawPath(own).write(Array("another-horse-battery\n".utf8))
            let options = [
                "--iscsi", "--write", "--user", "eve", "--password-file", secret, "--target-user",
                "adam", "--target-password-file", own,
            ]
            let exports = try images.enumerated().map { number, image in
                let listen = ["--listen", "\(GuestNetwork.hostAddress):\(3260 + number)"]
                let road = number == 1 ? ["--in-guest"] : []
                return try causeway.export(image.path, options + listen + road, in: network)
            }
            var guest = ClientGuest(in: network)
            guest.modules = ["iscsi_tcp", "sd_mod", "ext4", "xfs"]
            let settings = GuestLoad.iscsi(
                user: "eve", "correct-horse-battery", target: "adam", "another-horse-battery")
            let said = try guest.require(
                GuestLoad.functions + settings + Self.iscsiScript, ["\(Self.seconds)"], seconds: 300
            )
            for exported in exports { try causeway.unmount(exported.session) }
            try Self.expect(images, said, causeway)
        }
    }

    @Test func `Linux's NBD client works on ext4 and XFS through TLS with certificates`() throws {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            let images = try Self.images(in: causeway)
            let keys = try NBDKeys(in: causeway.folder)
            let options = ["--nbd", "--write"] + keys.options
            let exports = try images.enumerated().map { number, image in
                let listen = ["--listen", "\(GuestNetwork.hostAddress):\(10809 + number)"]
                let road = number == 1 ? ["--in-guest"] : []
                return try causeway.export(image.path, options + listen + road, in: network)
            }
            let guest = ClientGuest(in: network, modules: ["nbd", "ext4", "xfs"])
            let said = try guest.require(
                GuestLoad.functions + keys.functions + Self.nbdScript, ["\(Self.seconds)"],
                seconds: 300)
            for exported in exports { try causeway.unmount(exported.session) }
            try Self.expect(images, said, causeway)
        }
    }

    /// An empty disk, and the file system that the guest makes on it.
    struct Image {
        let name: String
        let path: String
    }

    static func images(in causeway: Causeway) throws -> [Image] {
        try ["ext4", "xfs"].map { name in
            let path = "\(causeway.folder)/\(name).img"
            try RawPath(path).write([])
            try RawPath(path).truncate(to: 320 << 20)
            return Image(name: name, path: path)
        }
    }

    /// The sources are clean, and hold exactly what the guest said.
    static func expect(_ images: [Image], _ said: String, _ causeway: Causeway) throws {
        for image in images {
            #expect(Settings.xfstests == nil || said.contains("foreign /mnt/\(image.name): fsx"))
            try FileSystem.named(image.name).checkImage(image.path)
            let start = "\(image.name) sum "
            let sums = said.split(separator: "\n").filter { $0.hasPrefix(start) }
                .map { $0.dropFirst(start.count) }
            #expect(sums.count >= 60, "\(said)")
            try causeway.withMount(image.path) { mounted in
                let list = "\(causeway.folder)/\(image.name).sums"
                try RawPath(list).write(Array(sums.map { $0 + "\n" }.joined().utf8))
                let check = "cd \"$1\"; sha256sum --quiet --check \"$2\"; find load tree -type f"
                let found = try Command.shell(check, [mounted.folder, list]).stdout
                #expect(found.split(separator: "\n").count == sums.count, "\(found)")
            }
        }
    }

    /// `foreign FOLDER SEED`: fsx and fsstress, where somebody has built them.
    ///
    /// Without clones: with them and mappings, fsx finds a fault of Linux 6.1 as User-Mode Linux,
    /// also on its own disks.
    static let foreign =
        """
        suites=\(Settings.xfstests ?? "")
        foreign() {
            [ -n "$suites" ] || return 0
            "$suites/ltp/fsx" -q -J -B -S "$2" -N 20000 -l 1000000 "$1/fsx"
            mkdir "$1/stress"
            "$suites/ltp/fsstress" -d "$1/stress" -p 4 -n 2000 -s "$2" >/dev/null
            echo "foreign $1: fsx and fsstress are content"
            rm -rf "$1/fsx" "$1/fsx".* "$1/stress"
        }

        """

    /// Makes file systems on the two disks `$ext4` and `$xfs` that are attached, and works on both
    /// at once.
    private static let work =
        foreign + """
            mkdir /mnt/ext4 /mnt/xfs
            mkfs.ext4 -q "$ext4"
            mkfs.xfs -q "$xfs"
            mount "$ext4" /mnt/ext4
            mount "$xfs" /mnt/xfs
            (foreign /mnt/ext4 1; load /mnt/ext4 1 "$seconds" | sed 's/^/ext4 /') & first=$!
            foreign /mnt/xfs 2
            load /mnt/xfs 2 "$seconds" | sed 's/^/xfs /'
            wait $first
            umount /mnt/ext4 /mnt/xfs

            """

    private static let iscsiScript =
        """
        seconds=$1 host=\(GuestNetwork.hostAddress)
        # Who does not know the password is not even told what there is.
        cp /etc/iscsi/iscsid.conf /run/right.conf
        sed -i 's/^\\(discovery.*password = \\)correct.*/\\1wrong-horse-x/' /etc/iscsi/iscsid.conf
        iscsiadm -m discovery -t sendtargets -p $host:3260 >/run/refused 2>&1 && exit 1
        grep -q 'authorization' /run/refused || { cat /run/refused; exit 1; }
        cp /run/right.conf /etc/iscsi/iscsid.conf
        for port in 3260 3261; do
            iscsiadm -m discovery -t sendtargets -p $host:$port >/run/targets
            # What is wrong is refused.
            iscsiadm -m node -p $host:$port -o update -n node.session.auth.password -v wrong-horse-x
            iscsiadm -m node -p $host:$port -l >/run/refused 2>&1 && exit 1
            grep -q 'authorization failure' /run/refused || { cat /run/refused; exit 1; }
            iscsiadm -m node -p $host:$port -o update -n node.session.auth.password \\
                -v correct-horse-battery
            iscsiadm -m node -p $host:$port -l >/run/login || { cat /run/login; exit 1; }
            wait_for /dev/sda
            [ $port = 3260 ] || wait_for /dev/sdb
        done
        ext4=/dev/sda xfs=/dev/sdb

        """ + work + """
            iscsiadm -m node -u >/run/logout || { cat /run/logout; exit 1; }
            """

    private static let nbdScript =
        """
        seconds=$1 host=\(GuestNetwork.hostAddress)
        # Without a certificate nobody comes in.
        nbd-client -N ext4.img $host 10809 /dev/nbd2 >/run/refused 2>&1 && exit 1
        attach ext4.img 10809 /dev/nbd0
        attach xfs.img 10810 /dev/nbd1
        ext4=/dev/nbd0 xfs=/dev/nbd1

        """ + work + """
            nbd-client -d /dev/nbd0
            nbd-client -d /dev/nbd1
            """
}
