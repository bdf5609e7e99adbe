import NBDWire
import NIOPosix
import Testing

@testable import NBDServer

@Suite struct StartTests {
    private func server(
        _ exports: [NBDExport], defaultExport: String? = nil, security: NBDSecurity = .off
    ) throws -> NBDServer {
        // Threads that live as long as the tests: a server that fails to start owns none.
        try NBDServer(
            configuration: NBDServerConfiguration(
                exports: exports, defaultExport: defaultExport, security: security),
            group: .singleton, pool: .singleton)
    }

    private let disk = NBDExport(name: "disk", device: TestDisk())

    @Test func `exports that cannot be told apart or asked for are refused`() {
        let nul = NBDExport(name: "a\0b", device: TestDisk())
        let long = NBDExport(name: String(repeating: "x", count: 4097), device: TestDisk())
        for exports in [[], [disk, disk], [nul], [long]] {
            #expect(throws: NBDServerError.self) { try server(exports) }
        }
        #expect(throws: NBDServerError.self) { try server([disk], defaultExport: "none") }
    }

    @Test(arguments: ["localhost", "256.1.1.1", "", "::g"])
    func `an address that is not numeric is refused`(address: String) throws {
        let server = try server([disk])
        #expect(throws: NBDServerError.badAddress("\(address):10809")) {
            try server.start(on: [.tcp(address: address, port: 10_809)])
        }
    }

    @Test(arguments: ["0.0.0.0", "::"])
    func `beyond loopback clients must prove who they are`(address: String) throws {
        let server = try server([disk])
        #expect(throws: NBDServerError.self) {
            try server.start(on: [.tcp(address: address, port: 0)])
        }
        #expect(server.addresses.isEmpty)
        let keys = NBDCredentials.preSharedKeys(["a": [UInt8](repeating: 1, count: 32)])
        let asked = NBDSecurity(mode: .on, credentials: keys)
        let optional = try self.server([disk], security: asked)
        #expect(throws: NBDServerError.self) {
            try optional.start(on: [.tcp(address: address, port: 0)])
        }
        let required = try self.server(
            [disk], security: NBDSecurity(mode: .require, credentials: keys))
        try required.start(on: [.tcp(address: address, port: 0)])
        #expect(required.addresses.count == 1)
        required.stop(graceMilliseconds: 0)
    }

    @Test func `loopback addresses need no proof`() throws {
        for address in ["127.0.0.1", "127.3.2.1", "::1"] {
            let server = try server([disk])
            try server.start(on: [.tcp(address: address, port: 0)])
            guard case .tcp(address, let port) = server.addresses.first else {
                Issue.record("\(server.addresses)")
                continue
            }
            #expect(port > 0)
            server.stop(graceMilliseconds: 0)
        }
    }

    @Test func `a server starts once`() throws {
        let server = try server([disk])
        try server.start(on: [])
        #expect(throws: NBDServerError.alreadyStarted) { try server.start(on: []) }
        server.stop(graceMilliseconds: 0)
    }

    @Test func `TLS without credentials, or with wrong ones, is refused`() {
        let none = NBDSecurity(mode: .require, credentials: nil)
        #expect(throws: NBDServerError.self) { try server([disk], security: none) }
        let wrong = NBDCredentials.certificate(chain: [1], key: [2], clientAuthorities: nil)
        let security = NBDSecurity(mode: .on, credentials: wrong)
        #expect(throws: NBDServerError.self) { try server([disk], security: security) }
    }

    @Test func `a keys file holds users and hexadecimal keys`() throws {
        let key = String(repeating: "0f", count: 32)
        let keys = try NBDKeyFile.keys(in: Array("# keys\n\nalice:\(key)\r\nbob:\(key)\n".utf8))
        #expect(keys.keys.sorted() == ["alice", "bob"])
        #expect(keys["alice"] == [UInt8](repeating: 15, count: 32))
        for text in [
            "", "# none\n", "alice\n", ":\(key)\n", "a:0f0\n", "a:\(key)zz\n", "a:0f0f\n",
            "a:\(key)\na:\(key)\n", "a:\(key)\(key)\(key)\n",
        ] {
            #expect(throws: NBDServerError.self) { try NBDKeyFile.keys(in: Array(text.utf8)) }
        }
    }
}
