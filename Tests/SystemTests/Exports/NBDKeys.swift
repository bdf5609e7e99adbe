import ClientGuest
import FileSystemLab
import Platform

/// Certificates for an export by NBD to a guest, and how its kernel attaches with them.
struct NBDKeys {
    private let folder: String

    /// Makes an authority, and a certificate each for the server and the client.
    init(in parent: String) throws {
        folder = "\(parent)/keys"
        try Files.makeDirectories(folder)
        try Command.shell(Self.certificates, [folder])
    }

    /// What the export is given.
    var options: [String] {
        [
            "--tls-certificate", "\(folder)/server.pem", "--tls-key", "\(folder)/server-key.pem",
            "--tls-client-ca", "\(folder)/ca.pem",
        ]
    }

    /// A shell function of the guest: `attach EXPORT PORT DEVICE`.
    var functions: String {
        """
        attach() {
            nbd-client -N "$1" \(GuestNetwork.hostAddress) "$2" "$3" -b 4096 -enable-tls \\
                -certfile '\(folder)/client.pem' -keyfile '\(folder)/client-key.pem' \\
                -cacertfile '\(folder)/ca.pem' -tlshostname \(GuestNetwork.hostAddress) \\
                >/run/attached 2>&1 || { cat /run/attached; exit 1; }
        }

        """
    }

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
