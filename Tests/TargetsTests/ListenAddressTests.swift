import AoEWire
import Testing

@testable import Targets

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:3260", ListenAddress.tcp(host: "127.0.0.1", port: 3260)),
        ("[::1]:10809", .tcp(host: "::1", port: 10809)),
        (":0", .tcp(host: "0.0.0.0", port: 0)),
        ("unix:/run/disk", .unix(path: "/run/disk")),
    ])
    func `what users write is read`(text: String, address: ListenAddress) {
        #expect(ListenAddress(text) == address)
    }

    @Test(arguments: [
        "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:3260", "[::1]",
        "[127.0.0.1]:1", "unix:relative", "unix:", "unix:/" + String(repeating: "x", count: 108),
    ])
    func `anything else is refused`(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1:1", true), ("127.9.9.9:1", true), ("[::1]:1", true), ("unix:/x", true),
        ("0.0.0.0:1", false), ("[::]:1", false), ("192.0.2.1:1", false), (":1", false),
    ])
    func `loopback is told from the world`(text: String, local: Bool) throws {
        #expect(try #require(ListenAddress(text)).isLocal == local)
    }

    @Test(arguments: ["127.0.0.1:3260", "[::1]:10809", "unix:/run/disk"])
    func `an address describes itself as it is written`(text: String) throws {
        #expect(try #require(ListenAddress(text)).description == text)
    }

    @Test func `a place on a link is no address, and is not taken for this host alone`() {
        let link = ListenAddress.link(interface: "lo", AoEAddress(shelf: 1, slot: 2))
        #expect(link.isLink && !link.isLocal && "\(link)" == "e1.2@lo")
        #expect(ListenAddress("e1.2@lo") == nil)
    }
}

@Suite struct ExportAccessTests {
    @Test func `each protocol has a protection of its own`() {
        var access = ExportAccess()
        #expect(ExportProtocol.allCases.allSatisfy { !access.isProtected($0) })
        access.credentials = [.init(user: "eve", secret: "a secret of some length")]
        #expect(access.isProtected(.iscsi) && !access.isProtected(.nbd))
        var tls = ExportAccess.TLS()
        tls.certificate = "PEM"
        tls.key = "PEM"
        access.tls = tls
        #expect(!access.isProtected(.nbd), "a certificate alone turns nobody away")
        access.tls?.clientAuthority = "PEM"
        #expect(access.isProtected(.nbd) && !access.isProtected(.aoe))
        access.hosts = [MACAddress(1)]
        #expect(access.isProtected(.aoe))
    }
}
