import ISCSIWire
import SCSITarget
import Testing

@testable import ISCSITarget

@Suite struct LoginMachineTests {
    static let iqn = "iqn.2026-11.test:disk"
    static let initiator = "iqn.2026-11.test:host"
    static let credential = ISCSICredential(
        user: "alice", secret: Array("correct horse battery".utf8),
        mutual: .init(user: "disk", secret: Array("another secret".utf8)))

    static func configuration(
        credentials: [ISCSICredential] = [], allowed: ISCSIAllowList = ISCSIAllowList()
    ) -> ISCSIServerConfiguration {
        var configuration = ISCSIServerConfiguration(targets: [
            ISCSITargetConfiguration(
                name: iqn, alias: "Disk", device: SCSITarget(name: iqn), credentials: credentials,
                allowed: allowed)
        ])
        configuration.random = { (0..<$0).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) } }
        return configuration
    }

    static func machine(
        _ configuration: ISCSIServerConfiguration = configuration(), peer: [UInt8]? = [10, 0, 0, 1]
    ) -> LoginMachine {
        LoginMachine(
            LoginMachine.Setting(
                configuration: configuration, peer: peer, sessionExists: { $0 == 7 }))
    }

    static func request(
        stage: UInt8, next: UInt8? = nil, continues: Bool = false, tsih: UInt16 = 0,
        versionMin: UInt8 = 0, isid: UInt8 = 1
    ) throws -> LoginRequest {
        var header = BasicHeader(opcode: 0x43)
        header.flags = stage << 2 | (next.map { 0x80 | $0 } ?? 0) | (continues ? 0x40 : 0)
        header.lowHalf = UInt16(versionMin)
        header.lun = 0x8000_0000_0000_0000 | UInt64(isid) << 16 | UInt64(tsih)
        guard case .login(let request) = try InitiatorPDU(header) else { throw LoginStatus.success }
        return request
    }

    static func text(_ pairs: [String]) -> [UInt8] {
        Array(pairs.map { $0 + "\0" }.joined().utf8)
    }

    static let names = ["InitiatorName=\(initiator)", "TargetName=\(iqn)"]

    /// The status of a refusal, or nil.
    static func status(_ action: LoginAction) -> UInt16? {
        guard case .refuse(let reply) = action else { return nil }
        return reply.status
    }

    static func answers(_ action: LoginAction) -> TextPairs {
        switch action {
        case .reply(_, let answers), .finish(_, let answers, _): answers
        case .refuse: TextPairs()
        }
    }

    @Test func `a login without a password is over in one step`() throws {
        var machine = Self.machine()
        let action = machine.receive(
            try Self.request(stage: 1, next: 3), data: Self.text(Self.names))
        guard case .finish(let reply, let answers, let result) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(reply.transits && reply.nextStage == 3)
        #expect(answers["TargetPortalGroupTag"] == "1")
        #expect(answers["TargetAlias"] == "Disk")
        #expect(answers["MaxRecvDataSegmentLength"] == "262144")
        #expect(result.target == 0 && result.initiator == Self.initiator)
    }

    @Test func `whoever asks for no transit is asked on`() throws {
        var machine = Self.machine()
        let first = machine.receive(
            try Self.request(stage: 0), data: Self.text(Self.names + ["AuthMethod=CHAP,None"]))
        guard case .reply(let reply, let answers) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(!reply.transits && answers["AuthMethod"] == "None")
        let second = machine.receive(try Self.request(stage: 0, next: 1), data: [])
        guard case .reply(let moved, _) = second else {
            Issue.record("\(second)")
            return
        }
        #expect(moved.transits && moved.nextStage == 1)
        let third = machine.receive(try Self.request(stage: 1, next: 3), data: [])
        guard case .finish = third else {
            Issue.record("\(third)")
            return
        }
    }

    @Test func `nothing operational is declared in the security stage, as Linux demands`() throws {
        var machine = Self.machine()
        // What open-iscsi sends first.
        let alias = Self.names + ["InitiatorAlias=host", "SessionType=Normal", "AuthMethod=None"]
        let first = machine.receive(try Self.request(stage: 0, next: 1), data: Self.text(alias))
        guard case .reply(let reply, let answers) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(reply.transits && answers["AuthMethod"] == "None")
        #expect(answers["MaxRecvDataSegmentLength"] == nil)
        let second = machine.receive(
            try Self.request(stage: 1, next: 3), data: Self.text(["HeaderDigest=None"]))
        guard case .finish(_, let last, let result) = second else {
            Issue.record("\(second)")
            return
        }
        #expect(last["MaxRecvDataSegmentLength"] == "262144")
        #expect(result.parameters.targetDataSegment == 262_144)
    }

    /// A first text, and the status that it gets.
    struct Refused: Sendable {
        let pairs: [String]
        let status: UInt16
    }

    static let refused = [
        Refused(pairs: ["TargetName=\(iqn)"], status: 0x0207),
        Refused(pairs: ["InitiatorName=\(initiator)"], status: 0x0207),
        Refused(
            pairs: ["InitiatorName=\(initiator)", "TargetName=iqn.2026-11.test:other"],
            status: 0x0203),
        Refused(pairs: ["InitiatorName=nonsense", "TargetName=\(iqn)"], status: 0x0200),
        Refused(
            pairs: ["InitiatorName=\(initiator)", "TargetName=\(iqn)", "SessionType=Odd"],
            status: 0x0209),
        Refused(pairs: ["junk"], status: 0x0200),
    ]

    @Test(arguments: refused)
    func `what is missing, unknown or odd gets its own status`(_ refused: Refused) throws {
        var machine = Self.machine()
        let action = machine.receive(
            try Self.request(stage: 1, next: 3), data: Self.text(refused.pairs))
        #expect(Self.status(action) == refused.status)
    }

    @Test func `versions, handles and stages are checked`() throws {
        func first(_ request: LoginRequest) -> UInt16? {
            var machine = Self.machine()
            return Self.status(machine.receive(request, data: Self.text(Self.names)))
        }
        #expect(try first(Self.request(stage: 1, next: 3, versionMin: 1)) == 0x0205)
        #expect(try first(Self.request(stage: 1, next: 3, tsih: 7)) == 0x0206)
        #expect(try first(Self.request(stage: 1, next: 3, tsih: 8)) == 0x020A)
        #expect(try first(Self.request(stage: 2, next: 3)) == 0x0200)
        #expect(try first(Self.request(stage: 3)) == 0x0200)
        #expect(try first(Self.request(stage: 1, next: 1)) == 0x0200)
        #expect(try first(Self.request(stage: 1, next: 0)) == 0x0200)
        #expect(try first(Self.request(stage: 0, next: 2)) == 0x0200)
        #expect(try first(Self.request(stage: 1, next: 3, continues: true)) == 0x0200)
    }

    @Test func `a login stays what it was in its first request`() throws {
        var machine = Self.machine()
        _ = machine.receive(try Self.request(stage: 0), data: Self.text(Self.names))
        var other = machine
        #expect(
            try Self.status(other.receive(Self.request(stage: 0, isid: 9), data: [])) == 0x0200)
        other = machine
        #expect(try Self.status(other.receive(Self.request(stage: 1), data: [])) == 0x0200)
        other = machine
        let renamed = Self.text(["InitiatorName=iqn.2026-11.test:thief"])
        #expect(try Self.status(other.receive(Self.request(stage: 0), data: renamed)) == 0x0200)
    }

    @Test func `a text may come in several requests`() throws {
        var machine = Self.machine()
        let text = Self.text(Self.names + ["HeaderDigest=CRC32C"])
        for part in [text[..<20], text[20..<40]] {
            let action = machine.receive(
                try Self.request(stage: 1, continues: true), data: Array(part))
            guard case .reply(let reply, let answers) = action else {
                Issue.record("\(action)")
                return
            }
            #expect(!reply.transits && answers.pairs.isEmpty)
        }
        let action = machine.receive(
            try Self.request(stage: 1, next: 3), data: Array(text[40...]))
        #expect(Self.answers(action)["HeaderDigest"] == "CRC32C")
    }

    @Test func `a login has an end, by requests and by bytes`() throws {
        var machine = Self.machine()
        _ = machine.receive(try Self.request(stage: 0), data: Self.text(Self.names))
        var last: UInt16?
        for _ in 0..<40 where last == nil {
            last = Self.status(machine.receive(try Self.request(stage: 0), data: []))
        }
        #expect(last == 0x0200)
        machine = Self.machine()
        let piece = [UInt8](repeating: 0x61, count: 8192)
        last = nil
        for _ in 0..<4 where last == nil {
            last = Self.status(
                machine.receive(try Self.request(stage: 0, continues: true), data: piece))
        }
        #expect(last == 0x0200)
    }

    @Test func `initiators that are not on the list are not let in`() throws {
        let names = ISCSIAllowList(names: ["iqn.2026-11.test:friend"])
        var machine = Self.machine(Self.configuration(allowed: names))
        let request = try Self.request(stage: 1, next: 3)
        #expect(Self.status(machine.receive(request, data: Self.text(Self.names))) == 0x0202)
        let network = try #require(ISCSINetwork("10.0.0.0/24"))
        let networks = ISCSIAllowList(networks: [network])
        machine = Self.machine(Self.configuration(allowed: networks))
        #expect(Self.status(machine.receive(request, data: Self.text(Self.names))) == nil)
        machine = Self.machine(Self.configuration(allowed: networks), peer: [10, 0, 1, 1])
        #expect(Self.status(machine.receive(request, data: Self.text(Self.names))) == 0x0202)
    }
}
