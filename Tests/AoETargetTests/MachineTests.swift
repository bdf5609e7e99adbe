import AoEWire
import Bytes
import Testing

@testable import AoETarget

/// A target that has answered nothing yet, and the client that asks it.
struct Bench {
    static let disk = AoEAddress(shelf: 1, slot: 2)
    static let client = MACAddress(0x5254_0000_0001)
    static let other = MACAddress(0x5254_0000_0002)
    static let target = MACAddress(0x5254_0000_00ff)

    var machine: AoEMachine

    init(
        allowed: [MACAddress] = [], readOnly: Bool = false, sectors: UInt64 = 1000,
        mtu: Int = 1500, writeBack: Bool = false
    ) {
        machine = AoEMachine(
            address: Self.disk, mac: Self.target, allowed: allowed,
            link: AoELink(mtu: mtu, bufferCount: 77),
            medium: AoEMedium(
                identity: ATAIdentity(
                    sectors: sectors, serial: "s", model: "m", firmware: "1",
                    hasWriteCache: writeBack), isReadOnly: readOnly))
    }

    static func header(
        _ command: AoECommand, from source: MACAddress = client, to address: AoEAddress = disk
    ) -> AoEHeader {
        AoEHeader(
            destination: target, source: source, address: address, command: command, tag: 42)
    }

    mutating func ask(_ header: AoEHeader, _ argument: [UInt8] = []) -> AoEAction {
        header.frame(argument).withUnsafeBytes { machine.receive($0) }
    }

    /// The answer's header and argument; nil where there is none.
    mutating func answer(
        _ header: AoEHeader, _ argument: [UInt8] = []
    ) -> (header: AoEHeader, argument: [UInt8])? {
        switch ask(header, argument) {
        case .reply(let frame), .keep(_, let frame):
            return frame.withUnsafeBytes { bytes in
                guard let header = try? AoEHeader(decoding: bytes) else { return nil }
                return (header, Array(bytes[AoEHeader.size...]))
            }
        case .drop, .device: return nil
        }
    }

    mutating func config(
        _ operation: AoEConfigOperation, _ text: String = "", from source: MACAddress = client
    ) throws -> (header: AoEHeader, config: AoEConfig)? {
        let question = AoEConfig(operation, text: Array(text.utf8))
        guard let found = answer(Self.header(.config, from: source), question.encoded) else {
            return nil
        }
        return (
            found.header,
            try found.argument.withUnsafeBytes { try AoEConfig(decodingAnswer: $0) }
        )
    }

    mutating func ata(
        _ registers: ATARegisters, data: Int = 0, from source: MACAddress = client
    ) -> AoEAction {
        ask(
            Self.header(.ata, from: source),
            registers.encoded + [UInt8](repeating: 0, count: data))
    }

    /// The registers of the answer to a command that needs no device.
    mutating func refusal(_ registers: ATARegisters, data: Int = 0) throws -> ATARegisters {
        let argument = registers.encoded + [UInt8](repeating: 0, count: data)
        let answer = answer(Self.header(.ata), argument)
        let found = try #require(answer)
        return try found.argument.withUnsafeBytes { try ATARegisters(decoding: $0) }
    }
}

@Suite struct MachineTests {
    @Test func `what is not for the disk is not answered`() {
        var bench = Bench()
        let config = AoEConfig(.read).encoded
        let elsewhere = AoEAddress(shelf: 1, slot: 3)
        #expect(bench.ask(Bench.header(.config, to: elsewhere), config) == .drop)
        var answer = Bench.header(.config)
        answer.flags = .response
        #expect(bench.ask(answer, config) == .drop)
        #expect(bench.ask(Bench.header(.config, from: .broadcast), config) == .drop)
        #expect(bench.answer(Bench.header(.config, to: .all), config) != nil)
    }

    @Test func `other versions and commands get the error that says so`() throws {
        var bench = Bench()
        var header = Bench.header(.config)
        header.version = 2
        #expect(bench.answer(header)?.header.error == 5)
        header.version = 1
        header.command = 0xf0
        let answer = bench.answer(header)
        let found = try #require(answer)
        #expect(found.header.error == 1 && found.header.flags == [.response, .error])
        #expect(found.header.tag == 42 && found.header.destination == Bench.client)
    }

    @Test(arguments: AoECommand.allCases)
    func `a message that ends too early is a bad argument`(command: AoECommand) throws {
        // Bytes, not a frame: padding would hide how short it is.
        var bench = Bench()
        let bytes = Array(Bench.header(command).frame().prefix(AoEHeader.size))
        let action = bytes.withUnsafeBytes { bench.machine.receive($0) }
        guard case .reply(let frame) = action else {
            Issue.record("\(action)")
            return
        }
        #expect(frame[15] == AoEFault.badArgument.rawValue)
    }

    @Test func `a query tells what the link and the server take`() throws {
        var bench = Bench(mtu: 9000)
        let found = try #require(try bench.config(.read))
        #expect(found.config.bufferCount == 77 && found.config.sectorCount == 17)
        #expect(found.config.version == 1 && found.header.address == Bench.disk)
        #expect(AoELimits.sectors(mtu: 1500) == 2 && AoELimits.sectors(mtu: 533) == 0)
        #expect(AoELimits.sectors(mtu: AoELimits.smallestMTU) == 1)
    }

    @Test func `the configuration string is tested, set once, and set by force`() throws {
        var bench = Bench()
        #expect(try bench.config(.test, "x") == nil)
        #expect(try bench.config(.test) != nil)
        #expect(try #require(try bench.config(.set, "blue")).config.text == Array("blue".utf8))
        // The same again is an answer lost on the way.
        #expect(try #require(try bench.config(.set, "blue")).header.error == 0)
        let other = try #require(try bench.config(.set, "red", from: Bench.other))
        #expect(other.header.error == 4 && other.config.text == Array("blue".utf8))
        #expect(try bench.config(.testPrefix, "bl") != nil)
        #expect(try bench.config(.testPrefix, "lu") == nil)
        #expect(try bench.config(.test, "bl") == nil)
        #expect(try bench.config(.forceSet, "red") != nil)
        #expect(try bench.config(.test, "red") != nil)
        #expect(bench.machine.kept.text == Array("red".utf8))
    }

    @Test func `a string that no answer could carry, or none at all, is refused`() throws {
        var bench = Bench(mtu: 600)
        let long = AoEConfig(.forceSet, text: [UInt8](repeating: 65, count: 583))
        #expect(bench.answer(Bench.header(.config), long.encoded)?.header.error == 2)
        var odd = AoEConfig(.read).encoded
        odd[5] = 0x15
        #expect(bench.answer(Bench.header(.config), odd)?.header.error == 2)
        odd[5] = 0x14
        (odd[6], odd[7]) = (5, 0)
        #expect(bench.answer(Bench.header(.config), odd)?.header.error == 2)
    }

    @Test func `random frames are dropped, answered or checked work`() {
        var random = SeededGenerator(seed: 0x88a2)
        var bench = Bench()
        for _ in 0..<30_000 {
            var header = Bench.header(.config)
            header.command = UInt8.random(in: 0...4, using: &random)
            header.tag = UInt32.random(in: 0 ... .max, using: &random)
            let count = Int.random(in: 0...1500, using: &random)
            var argument = (0..<min(count, 64)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if header.command == 1, argument.count > 5 { argument[5] &= 7 }
            argument += [UInt8](repeating: 0, count: count - argument.count)
            switch bench.ask(header, argument) {
            case .device(let request):
                #expect(request.lba + UInt64(request.sectors) <= 1000)
                if case .write = request.work { #expect(request.length <= count - 12) }
                if request.work == .read { #expect((1...2).contains(request.sectors)) }
            case .reply(let frame), .keep(_, let frame): #expect((60...1514).contains(frame.count))
            case .drop: break
            }
        }
        #expect(bench.machine.kept.hosts.count <= 255)
    }
}
