import AoEWire
import Targets
import Testing

@testable import Sessions

@Suite struct ExportNamesTests {
    private func names(_ source: String, name: String? = nil) -> ExportNames {
        var request = ExportRequest(endpoints: [])
        request.name = name
        return ExportNames(request, source: source)
    }

    @Test(arguments: [
        ("/images/disk.img", "iqn.2026-11.localhost.causeway:disk.img"),
        ("/images/My Disk_ü.IMG", "iqn.2026-11.localhost.causeway:my-disk--.img"),
        ("/", "iqn.2026-11.localhost.causeway:disk"),
    ])
    func `an iSCSI name holds only what it may`(source: String, name: String) {
        #expect(names(source).iscsi == name)
    }

    @Test func `URLs are those that clients type`() {
        let names = names("/x/a b.img")
        let tcp = ListenAddress.tcp(host: "::1", port: 10809)
        #expect(names.url(.nbd, at: tcp, tls: false) == "nbd://[::1]:10809/a%20b.img")
        #expect(names.url(.nbd, at: tcp, tls: true) == "nbds://[::1]:10809/a%20b.img")
        #expect(
            names.url(.nbd, at: .unix(path: "/run/a&b"), tls: false)
                == "nbd+unix:///a%20b.img?socket=/run/a%26b")
        #expect(
            names.url(.iscsi, at: .tcp(host: "127.0.0.1", port: 3260), tls: false)
                == "iscsi://127.0.0.1:3260/iqn.2026-11.localhost.causeway:a-b.img/0")
        let link = ListenAddress.link(interface: "eth1", AoEAddress(shelf: 1, slot: 2))
        #expect(names.url(.aoe, at: link, tls: false) == "aoe:e1.2@eth1")
    }
}

@Suite struct ExportListenersTests {
    @Test func `a port of this host is found, and told`() throws {
        let listeners = try ExportListeners(ExportRequest(endpoints: [.init(.nbd), .init(.nbd)]))
        #expect(listeners.all.count == 2)
        #expect(listeners.all[0].address != listeners.all[1].address)
        #expect(listeners.all.allSatisfy { $0.address.isLocal })
    }

    @Test(arguments: ["0.0.0.0:0", "[::]:0"])
    func `nobody listens beyond this host without a password`(text: String) throws {
        let address = try #require(ListenAddress(text))
        for wanted in [ExportProtocol.iscsi, .nbd] {
            var request = ExportRequest(endpoints: [.init(wanted, address)])
            let error = #expect(throws: SessionError.self) { try ExportListeners(request) }
            #expect(error?.remedy.isEmpty == false)
            request.access.credentials = [.init(user: "eve", secret: "twelve bytes")]
            request.access.tls = .init()
            request.access.tls?.sharedKeys = "eve:00"
            _ = try ExportListeners(request)
        }
    }

    @Test func `a taken address is an error that says so`() throws {
        let first = try ExportListeners(ExportRequest(endpoints: [.init(.nbd)]))
        let error = #expect(throws: SessionError.self) {
            try ExportListeners(
                ExportRequest(endpoints: [.init(.nbd, first.all[0].address)]))
        }
        #expect(error?.exit == .busy)
    }
}
