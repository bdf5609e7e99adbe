import FileSystemLab
import Platform
import Testing

@testable import NBDServer

/// libnbd and QEMU over TLS: certificates, client certificates, pre-shared keys.
@Suite(.serialized) struct TLSTests {
    /// Makes an authority, a server's and a client's certificate, and another authority's client.
    private func certificates(_ folder: Scratch) throws {
        let script = """
            cd "$1"; mkdir other
            make() { certtool --generate-privkey --key-type=ecdsa --outfile "$1-key.pem"; }
            sign() { certtool --generate-certificate --load-privkey "$1-key.pem" \
                --load-ca-certificate "$2-cert.pem" --load-ca-privkey "$2-key.pem" \
                --template "$1.info" --outfile "$1-cert.pem"; }
            for ca in ca other/ca; do
                make $ca; printf 'cn = authority\\nca\\ncert_signing_key\\n' >$ca.info
                certtool --generate-self-signed --load-privkey $ca-key.pem --template $ca.info \
                    --outfile $ca-cert.pem
            done
            make server
            printf 'cn = localhost\\ndns_name = localhost\\nip_address = 127.0.0.1\\n' >server.info
            printf 'tls_www_server\\nsigning_key\\nencryption_key\\n' >>server.info
            sign server ca
            for client in client other/client; do
                make $client; printf 'cn = tester\\ntls_www_client\\nsigning_key\\n' >$client.info
            done
            sign client ca; sign other/client other/ca
            cp ca-cert.pem other/trusted.pem; mv other/trusted.pem other/ca-cert.pem
            """
        try Command.shell("{ \(script)\n } 2>&1", [folder.path])
    }

    private func security(_ folder: Scratch, verify: Bool) throws -> NBDSecurity {
        let credentials = NBDCredentials.certificate(
            chain: try Files.read(folder.path + "/server-cert.pem"),
            key: try Files.read(folder.path + "/server-key.pem"),
            clientAuthorities: verify ? try Files.read(folder.path + "/ca-cert.pem") : nil)
        return NBDSecurity(mode: .require, credentials: credentials)
    }

    private func port(_ served: Served) throws -> Int {
        for case .tcp(_, let port) in served.server.addresses { return port }
        throw LabError("no TCP listener")
    }

    private let loopback = [NBDListener.tcp(address: "127.0.0.1", port: 0)]

    @Test func `a certificate proves the server, and data goes both ways`() throws {
        let folder = try Scratch("tls")
        try certificates(folder)
        let disk = TestDisk(size: 8 << 20)
        let served = try Served(
            disk, security: try security(folder, verify: false), listeners: loopback)
        let uri = "nbds://localhost:\(try port(served))/disk"
        let script = """
            import nbd, os
            h = nbd.NBD()
            h.set_tls_certificates('\(folder.path)')
            h.connect_uri('\(uri)')
            assert h.get_tls_negotiated()
            data = os.urandom(3 << 20)
            h.pwrite(data, 1000)
            assert h.pread(len(data), 1000) == data
            h.shutdown()
            """
        try Command.require("python3", ["-c", script])
        let plain = try Command.run("nbdinfo", ["nbd://localhost:\(try port(served))/disk"])
        #expect(!plain.isSuccess && !plain.stdout.contains("8388608"))
    }

    @Test func `a client needs a certificate of the right authority`() throws {
        let folder = try Scratch("tls")
        try certificates(folder)
        let served = try Served(
            TestDisk(size: 1 << 20), security: try security(folder, verify: true),
            listeners: loopback)
        let port = try port(served)
        let connect = """
            import nbd, sys
            h = nbd.NBD()
            h.set_tls_certificates(sys.argv[1])
            h.connect_uri('nbds://localhost:\(port)/disk')
            assert h.pread(1, 0) == b'\\0'
            """
        try Command.require("python3", ["-c", connect, folder.path])
        let foreign = try Command.run("python3", ["-c", connect, folder.path + "/other"])
        #expect(!foreign.isSuccess)
        try Command.shell("mkdir $1/bare; cp $1/ca-cert.pem $1/bare", [folder.path])
        #expect(try !Command.run("python3", ["-c", connect, folder.path + "/bare"]).isSuccess)
        try Command.require("python3", ["-c", connect, folder.path])
    }

    @Test func `a pre-shared key proves both ends`() throws {
        let folder = try Scratch("tls")
        let file = folder.path + "/keys.psk"
        try Command.shell(
            "psktool -u alice -p $1 2>&1; psktool -u bob -p $1.wrong 2>&1", [file])
        let keys = try NBDKeyFile.keys(in: try Files.read(file))
        let served = try Served(
            TestDisk(size: 8 << 20),
            security: NBDSecurity(mode: .require, credentials: .preSharedKeys(keys)))
        let script = """
            import nbd, os, sys
            h = nbd.NBD()
            h.set_tls(nbd.TLS_REQUIRE)
            h.set_tls_psk_file(sys.argv[1])
            h.set_tls_username(sys.argv[2])
            h.set_export_name('disk')
            h.connect_unix('\(served.path)')
            data = os.urandom(1 << 20)
            h.pwrite(data, 0)
            assert h.pread(len(data), 0) == data
            """
        try Command.require("python3", ["-c", script, file, "alice"])
        let wrong = try Command.run("python3", ["-c", script, file + ".wrong", "bob"])
        #expect(!wrong.isSuccess)
        let stolen = "sed s/bob/alice/ $1.wrong >$1.stolen"
        try Command.shell(stolen, [file])
        #expect(try !Command.run("python3", ["-c", script, file + ".stolen", "alice"]).isSuccess)
    }

    @Test func `QEMU speaks TLS with a certificate and with a key`() throws {
        let folder = try Scratch("tls")
        try certificates(folder)
        let served = try Served(
            TestDisk(size: 1 << 20), security: try security(folder, verify: true),
            listeners: loopback)
        let credentials = "tls-creds-x509,id=tls,endpoint=client,dir=\(folder.path)"
        let image =
            "driver=raw,file.driver=nbd,file.server.type=inet,file.server.host=localhost,"
            + "file.server.port=\(try port(served)),file.export=disk,file.tls-creds=tls"
        try Command.require(
            "qemu-io",
            [
                "--object", credentials, "--image-opts", "-c", "write -P 5 0 64k", "-c",
                "read -P 5 0 64k", image,
            ])
        try Command.shell("psktool -u qemu -p $1/keys.psk 2>&1", [folder.path])
        let keys = try NBDKeyFile.keys(in: try Files.read(folder.path + "/keys.psk"))
        let shared = try Served(
            TestDisk(size: 1 << 20),
            security: NBDSecurity(mode: .require, credentials: .preSharedKeys(keys)))
        let key = "tls-creds-psk,id=tls,endpoint=client,username=qemu,dir=\(folder.path)"
        let other =
            "driver=raw,file.driver=nbd,file.server.type=unix,file.server.path=\(shared.path),"
            + "file.export=disk,file.tls-creds=tls"
        try Command.require(
            "qemu-io", ["--object", key, "--image-opts", "-c", "write -P 5 0 64k", other])
    }

    @Test func `a client that sends noise for TLS is cut off`() throws {
        let folder = try Scratch("tls")
        try certificates(folder)
        let served = try Served(
            TestDisk(size: 4096), security: try security(folder, verify: true))
        let client = try RawClient(served)
        try client.send([0, 0, 0, 3])
        try client.send(hex("49484156454f5054 00000005 00000000"))
        #expect(try client.read(20).suffix(8) == [0, 0, 0, 1, 0, 0, 0, 0])
        try client.send([UInt8](repeating: 0x55, count: 1000))
        #expect(try client.isClosed())
    }
}
