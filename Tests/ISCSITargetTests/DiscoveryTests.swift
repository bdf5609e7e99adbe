import ISCSIWire
import Testing

@testable import ISCSITarget

@Suite struct DiscoveryTests {
    private func portals(_ reach: ISCSIServerConfiguration.Reach) throws -> [String] {
        var told: ISCSIServerConfiguration?
        let bench = try Bench {
            $0.reach = reach
            told = $0
        }
        defer { withExtendedLifetime(bench) {} }
        let discovery = Discovery(
            configuration: try #require(told), initiator: "iqn.2026-11.test:a", peer: nil,
            portal: "10.77.0.2:3260", target: nil)
        let answer = try #require(discovery.answer("All"))
        return answer.pairs.filter { $0.key == "TargetAddress" }.map(\.value)
    }

    @Test func `an initiator is told the address that it came to`() throws {
        #expect(try portals(.direct) == ["10.77.0.2:3260,1"])
    }

    @Test func `behind a relay it is told the relay's, or none`() throws {
        #expect(try portals(.relayed(portals: ["192.0.2.1:4000"])) == ["192.0.2.1:4000,1"])
        #expect(try portals(.relayed(portals: [])) == [])
    }

    @Test func `behind a relay nobody else can come, so the address does not matter`() throws {
        var configuration: ISCSIServerConfiguration?
        let bench = try Bench { configuration = $0 }
        func start(_ configuration: ISCSIServerConfiguration) throws {
            let server = ISCSIServer(
                configuration: configuration, group: bench.group, pool: bench.pool)
            defer { server.stop(graceMilliseconds: 0) }
            try server.start(on: [.address("0.0.0.0", port: 0)])
        }
        var relayed = try #require(configuration)
        #expect(throws: ISCSIServerError.self) { try start(relayed) }
        relayed.reach = .relayed(portals: [])
        try start(relayed)
    }
}
