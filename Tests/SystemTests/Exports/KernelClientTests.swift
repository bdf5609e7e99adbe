import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// Exports that another computer's Linux kernel attaches: its iSCSI initiator, its NBD client.
///
/// The other computer is a guest on one Ethernet link. It makes file systems, works on them,
/// unmounts and detaches; then the host's checkers look at the sources, and `causeway mount` reads
/// back what the guest has left.
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
                return try causeway.export(image.path, options + listen, in: network)
            }
            var guest = ClientGuest(in: network)
            guest.modules = ["iscsi_tcp", "sd_mod", "ext4", "xfs"]
            let said = try guest.require(
                GuestLoad.functions + Self.iscsiScript, ["\(Self.seconds)"], seconds: 300)
            for exported in exports { try causeway.unmount(exported.session) }
            try Self.expect(images, said, causeway)
        }
    }

    @Test func `Linux's NBD client works on ext4 and XFS through TLS with certificates`() throws {
        try Causeway.scoped { causeway in
            let network = try GuestNetwork()
            defer { network.close() }
            let images = try Self.images(in: causeway)
            let keys = "\(causeway.folder)/keys"
            try Files.makeDirectories(keys)
            try Command.shell(Self.certificates, [keys])
            let options = [
                "--nbd", "--write", "--tls-certificate", "\(keys)/server.pem", "--tls-key",
                "\(keys)/server-key.pem", "--tls-client-ca", "\(keys)/ca.pem",
            ]
            let exports = try images.enumerated().map { number, image in
                let listen = ["--listen", "\(GuestNetwork.hostAddress):\(10809 + number)"]
                return try causeway.export(image.path, options + listen, in: network)
            }
            let guest = ClientGuest(in: network, modules: ["nbd", "ext4", "xfs"])
            let said = try guest.require(
                GuestLoad.functions + Self.nbdScript, ["\(Self.seconds)", keys], seconds: 300)
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

    /// Makes file systems on the two disks `$ext4` and `$xfs` that are attached, and works on both
    /// at once.
    private static let work = """
        mkdir /mnt/ext4 /mnt/xfs
        mkfs.ext4 -q "$ext4"
        mkfs.xfs -q "$xfs"
        mount "$ext4" /mnt/ext4
        mount "$xfs" /mnt/xfs
        (load /mnt/ext4 1 "$seconds" | sed 's/^/ext4 /') & first=$!
        load /mnt/xfs 2 "$seconds" | sed 's/^/xfs /'
        wait $first
        umount /mnt/ext4 /mnt/xfs

        """

    private static let iscsiScript =
        """
        seconds=$1 host=\(GuestNetwork.hostAddress)
        cat >/etc/iscsi/iscsid.conf <<-'END'
        iscsid.startup = /usr/sbin/iscsid
        node.startup = manual
        node.session.auth.authmethod = CHAP
        node.session.auth.username = eve
        node.session.auth.password = correct-horse-battery
        node.session.auth.username_in = adam
        node.session.auth.password_in = another-horse-battery
        node.session.auth.chap_algs = SHA3-256,SHA256,SHA1,MD5
        node.session.cmds_max = 128
        node.session.queue_depth = 32
        node.session.timeo.replacement_timeout = 20
        node.conn[0].iscsi.HeaderDigest = CRC32C
        node.conn[0].iscsi.DataDigest = CRC32C
        END
        echo InitiatorName=iqn.2026-11.localhost.guest:client >/etc/iscsi/initiatorname.iscsi
        iscsid -f >/run/iscsid.log 2>&1 &
        for port in 3260 3261; do
            iscsiadm -m discovery -t sendtargets -p $host:$port >/run/targets
            # What is wrong is refused.
            iscsiadm -m node -p $host:$port -o update -n node.session.auth.password -v wrong-horse-x
            ! iscsiadm -m node -p $host:$port -l >/run/refused 2>&1
            grep -q 'authorization failure' /run/refused || cat /run/refused
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
        seconds=$1 keys=$2 host=\(GuestNetwork.hostAddress)
        attach() { # export, port, device
            nbd-client -N "$1" $host "$2" "$3" -b 4096 -enable-tls -certfile "$keys/client.pem" \\
                -keyfile "$keys/client-key.pem" -cacertfile "$keys/ca.pem" -tlshostname $host \\
                >/run/attached 2>&1 || { cat /run/attached; exit 1; }
        }
        # Without a certificate nobody comes in.
        ! nbd-client -N ext4.img $host 10809 /dev/nbd2 >/run/refused 2>&1
        attach ext4.img 10809 /dev/nbd0
        attach xfs.img 10810 /dev/nbd1
        ext4=/dev/nbd0 xfs=/dev/nbd1

        """ + work + """
            nbd-client -d /dev/nbd0
            nbd-client -d /dev/nbd1
            """

    /// An authority, and a certificate each for the server and the client.
    private static let certificates = """
        cd "$1"
        exec >log 2>&1
        for name in ca server client; do
            certtool --generate-privkey --key-type=ecdsa --outfile $name-key.pem
        done
        printf '%s\\n' 'cn = authority' ca cert_signing_key >ca.info
        printf '%s\\n' 'cn = server' tls_www_server 'ip_address = \(GuestNetwork.hostAddress)' \\
            >server.info
        printf '%s\\n' 'cn = client' tls_www_client >client.info
        certtool --generate-self-signed --load-privkey ca-key.pem --template ca.info \\
            --outfile ca.pem
        for name in server client; do
            certtool --generate-certificate --load-privkey $name-key.pem --load-ca-certificate \\
                ca.pem --load-ca-privkey ca-key.pem --template $name.info --outfile $name.pem
        done
        """
}
