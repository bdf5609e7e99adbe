import ISCSIWire
import Testing

@testable import ISCSITarget

@Suite struct CHAPLoginTests {
    typealias Login = LoginMachineTests

    static func challenged(
        _ algorithms: String, credentials: [ISCSICredential] = [Login.credential]
    ) throws -> (machine: LoginMachine, answers: TextPairs) {
        var machine = Login.machine(Login.configuration(credentials: credentials))
        _ = machine.receive(
            try Login.request(stage: 0), data: Login.text(Login.names + ["AuthMethod=CHAP,None"]))
        let action = machine.receive(
            try Login.request(stage: 0), data: Login.text(["CHAP_A=\(algorithms)"]))
        return (machine, Login.answers(action))
    }

    static func response(_ answers: TextPairs, secret: [UInt8]) throws -> String {
        let algorithm = try #require(
            answers["CHAP_A"].flatMap { UInt8($0) }.flatMap(CHAPAlgorithm.init))
        let identifier = try #require(answers["CHAP_I"].flatMap { UInt8($0) })
        let challenge = try #require(
            answers["CHAP_C"].flatMap { TextValue.binary($0, limit: 1024) })
        return TextValue.encode(
            algorithm.response(identifier: identifier, secret: secret, challenge: challenge))
    }

    @Test(arguments: [5, 6, 7, 8] as [UInt8])
    func `either side proves itself with every hash`(_ number: UInt8) throws {
        var (machine, answers) = try Self.challenged("\(number)")
        #expect(answers["CHAP_A"] == "\(number)")
        let response = try Self.response(answers, secret: Login.credential.secret)
        let action = machine.receive(
            try Login.request(stage: 0, next: 1),
            data: Login.text([
                "CHAP_N=alice", "CHAP_R=\(response)", "CHAP_I=5", "CHAP_C=0b/////w==",
            ]))
        guard case .reply(let reply, let mutual) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(reply.transits && mutual["CHAP_N"] == "disk")
        let algorithm = try #require(CHAPAlgorithm(rawValue: number))
        let want = algorithm.response(
            identifier: 5, secret: Array("another secret".utf8), challenge: [255, 255, 255, 255])
        #expect(mutual["CHAP_R"] == TextValue.encode(want))
    }

    /// Digests of "abc" behind the identifier, by other people's programs: `printf 'Aabc' | md5sum`
    /// and its relatives, and Python's hashlib.sha3_256.
    @Test(arguments: [
        (CHAPAlgorithm.md5, "0x2666f0e23cef9a9b80dae7aae950e206"),
        (.sha1, "0xa0070107aab564ed30dc84f439341c1a1e79e218"),
        (.sha256, "0xbd1dfaf32c12fd5cdd1e97f1318f0fbce582ad494caf62bc440cc64a2b92a781"),
        (.sha3, "0xc31bee16e7a2903469df716031c908b01625bbfd5b618fff20f3ade26c6bb5c3"),
    ])
    func `hashes are what other programs compute`(
        _ algorithm: CHAPAlgorithm, _ want: String
    ) {
        let got = algorithm.response(
            identifier: 0x41, secret: Array("ab".utf8), challenge: Array("c".utf8))
        #expect(TextValue.encode(got) == want)
    }

    @Test func `the first hash of the initiator's list that is known is taken`() throws {
        #expect(try Self.challenged("9,7,5").answers["CHAP_A"] == "7")
        #expect(try Self.challenged("5,8").answers["CHAP_A"] == "5")
    }

    @Test(arguments: ["56", "", "4", "5x"])
    func `no known hash, no login`(_ list: String) throws {
        var machine = Login.machine(Login.configuration(credentials: [Login.credential]))
        _ = machine.receive(
            try Login.request(stage: 0), data: Login.text(Login.names + ["AuthMethod=CHAP"]))
        let action = machine.receive(
            try Login.request(stage: 0), data: Login.text(["CHAP_A=\(list)"]))
        #expect(Login.status(action) == 0x0201)
    }

    @Test func `a password cannot be left out`() throws {
        let configuration = Login.configuration(credentials: [Login.credential])
        var machine = Login.machine(configuration)
        #expect(
            try Login.status(
                machine.receive(
                    Login.request(stage: 1, next: 3), data: Login.text(Login.names)))
                == 0x0201)
        machine = Login.machine(configuration)
        #expect(
            try Login.status(
                machine.receive(
                    Login.request(stage: 0, next: 1),
                    data: Login.text(Login.names + ["AuthMethod=None"]))) == 0x0201)
        // Asking for transit without having answered does not help.
        machine = Login.machine(configuration)
        let action = machine.receive(
            try Login.request(stage: 0, next: 3),
            data: Login.text(Login.names + ["AuthMethod=CHAP"]))
        guard case .reply(let reply, _) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(!reply.transits)
        // Nor does sending the answer before the challenge.
        #expect(
            try Login.status(
                machine.receive(
                    Login.request(stage: 0, next: 3),
                    data: Login.text(["CHAP_N=alice", "CHAP_R=0x00"]))) == 0x0200)
    }

    @Test func `wrong secrets, names and lengths are refused`() throws {
        for (name, secret) in [("alice", "wrong"), ("bob", "correct horse battery")] {
            var (machine, answers) = try Self.challenged("7")
            let response = try Self.response(answers, secret: Array(secret.utf8))
            let action = machine.receive(
                try Login.request(stage: 0, next: 1),
                data: Login.text(["CHAP_N=\(name)", "CHAP_R=\(response)"]))
            #expect(Login.status(action) == 0x0201)
        }
        var (machine, _) = try Self.challenged("7")
        let action = machine.receive(
            try Login.request(stage: 0, next: 1),
            data: Login.text(["CHAP_N=alice", "CHAP_R=0x00"]))
        #expect(Login.status(action) == 0x0201)
    }

    @Test func `our own challenge is not answered when it comes back`() throws {
        var (machine, answers) = try Self.challenged("7")
        let response = try Self.response(answers, secret: Login.credential.secret)
        let challenge = try #require(answers["CHAP_C"])
        let action = machine.receive(
            try Login.request(stage: 0, next: 1),
            data: Login.text([
                "CHAP_N=alice", "CHAP_R=\(response)", "CHAP_I=1", "CHAP_C=\(challenge)",
            ]))
        #expect(Login.status(action) == 0x0201)
    }

    @Test func `a credential may belong to one initiator`() throws {
        var credential = Login.credential
        credential.initiator = "iqn.2026-11.test:other"
        var (machine, answers) = try Self.challenged("5", credentials: [credential])
        let response = try Self.response(answers, secret: credential.secret)
        let action = machine.receive(
            try Login.request(stage: 0, next: 1),
            data: Login.text(["CHAP_N=alice", "CHAP_R=\(response)"]))
        #expect(Login.status(action) == 0x0201)
    }

    @Test func `credentials that protect nothing are configuration errors`() {
        var short = Login.credential
        short.secret = Array("short".utf8)
        var same = Login.credential
        same.mutual = .init(user: "disk", secret: same.secret)
        for credential in [short, same] {
            #expect(throws: ISCSIServerError.self) {
                try Login.configuration(credentials: [credential]).validate()
            }
        }
    }
}
