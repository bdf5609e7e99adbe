import AoEWire
import Testing

@testable import AoETarget

@Suite struct DiskCommandTests {
    private func request(_ action: AoEAction) -> AoERequest? {
        if case .device(let request) = action { return request }
        Issue.record("no work for the device: \(action)")
        return nil
    }

    @Test func `reads and writes name their place`() {
        var bench = Bench()
        let read = request(bench.ata(ATARegisters(command: 0x24, count: 2, lba: 998)))
        #expect(read?.work == .read && read?.lba == 998 && read?.sectors == 2)
        let write = request(bench.ata(ATARegisters(command: 0x30, count: 1, lba: 3), data: 512))
        #expect(write?.work == .write(isForced: false) && write?.offset == 1536)
        let verify = request(bench.ata(ATARegisters(command: 0x40, lba: 0)))
        #expect(verify?.work == .verify && verify?.sectors == 256)
        #expect(request(bench.ata(ATARegisters(command: 0xea)))?.work == .flush)
    }

    @Test(arguments: [
        ATARegisters(command: 0x24, count: 2, lba: 999),
        ATARegisters(command: 0x25, count: 1, lba: 0xffff_ffff_ffff),
        ATARegisters(command: 0x42, count: 0, lba: 745),
    ])
    func `what lies past the end is not found`(registers: ATARegisters) throws {
        var bench = Bench()
        let answer = try bench.refusal(registers)
        #expect(answer.command == 0x41 && answer.feature == ATAError.notFound.rawValue)
    }

    @Test func `a frame carries as many sectors as it says and the link takes`() {
        var bench = Bench()
        for (registers, data) in [
            (ATARegisters(command: 0x24, count: 3), 0), (ATARegisters(command: 0x24), 0),
            (ATARegisters(command: 0x34, count: 2), 1023),
            (ATARegisters(command: 0x34, count: 3), 1536),
        ] {
            let bytes = registers.encoded + [UInt8](repeating: 1, count: data)
            #expect(bench.answer(Bench.header(.ata), bytes)?.header.error == 2)
        }
    }

    @Test func `a disk that is read-only says so`() throws {
        var bench = Bench(readOnly: true)
        let answer = try bench.refusal(ATARegisters(command: 0x34, count: 1), data: 512)
        #expect(answer.command == 0x41)
        let expected: ATAError = [.aborted, .writeProtected]
        #expect(answer.feature == expected.rawValue)
    }

    @Test(arguments: [0xb0, 0xf1, 0x00, 0xa1, 0xc6, 0x92, 0xff] as [UInt8])
    func `other commands are aborted`(code: UInt8) throws {
        var bench = Bench()
        let answer = try bench.refusal(ATARegisters(command: code, count: 1))
        #expect(answer.command == 0x41 && answer.feature == ATAError.aborted.rawValue)
    }

    @Test(arguments: [true, false])
    func `the write cache is the owner's to switch`(writeBack: Bool) throws {
        var bench = Bench(writeBack: writeBack)
        let on = try bench.refusal(ATARegisters(command: 0xef, feature: 0x02))
        let off = try bench.refusal(ATARegisters(command: 0xef, feature: 0x82))
        #expect((on.command == 0x40) == writeBack && (off.command == 0x40) != writeBack)
    }

    @Test func `power is always on, and identifying carries 512 bytes`() throws {
        var bench = Bench()
        #expect(try bench.refusal(ATARegisters(command: 0xe5)).count == 0xff)
        let identify = ATARegisters(command: 0xec, count: 1).encoded
        let answer = bench.answer(Bench.header(.ata), identify)
        let found = try #require(answer)
        #expect(found.argument.count == ATARegisters.size + ATAIdentity.size)
        #expect(Array(found.argument.dropFirst(12)) == bench.machine.medium.identity.encoded)
        #expect(found.argument[3] == 0x40)
    }

    @Test func `serial numbers follow from the identity`() {
        #expect(AoESerial.number("a") == AoESerial.number("a"))
        #expect(AoESerial.number("a") != AoESerial.number("b"))
        #expect(AoESerial.number("").count == 16)
    }

    @Test func `hosts are told unasked: those allowed, or everybody`() {
        let open = Bench().machine.announcements()
        #expect(open.count == 1 && open[0].prefix(6).allSatisfy { $0 == 0xff })
        #expect(open[0][14] == 0x18)
        let listed = Bench(allowed: [Bench.client, Bench.other]).machine.announcements()
        #expect(listed.map { Array($0.prefix(6)) } == [Bench.client.bytes, Bench.other.bytes])
    }
}
