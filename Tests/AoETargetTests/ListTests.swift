import AoEWire
import Testing

@testable import AoETarget

@Suite struct ListTests {
    private func edit(
        _ bench: inout Bench, _ directives: [(UInt8, MACAddress)],
        from source: MACAddress = Bench.client
    ) throws -> AoEMaskList? {
        let question = AoEMaskList(
            .edit, directives.map { .init(command: $0.0, mac: $0.1) })
        let header = Bench.header(.maskList, from: source)
        guard let found = bench.answer(header, question.encoded) else { return nil }
        return try found.argument.withUnsafeBytes { try AoEMaskList(decodingAnswer: $0) }
    }

    private func reserve(
        _ bench: inout Bench, _ operation: AoEReserveOperation, _ hosts: [MACAddress] = [],
        from source: MACAddress = Bench.client
    ) throws -> (error: UInt8, hosts: [MACAddress]) {
        let question = AoEReserveList(operation, hosts).encoded
        let answer = bench.answer(Bench.header(.reserve, from: source), question)
        let found = try #require(answer)
        let list = try found.argument.withUnsafeBytes { try AoEReserveList(decoding: $0) }
        return (found.header.error, list.hosts)
    }

    @Test func `a host that is not allowed is not heard, and no client can change that`() throws {
        var bench = Bench(allowed: [Bench.client])
        #expect(try bench.config(.read, from: Bench.other) == nil)
        let refused = try #require(try edit(&bench, [(1, Bench.other)]))
        #expect(refused.fault == AoEMaskFault.unspecified.rawValue && refused.count == 0)
        #expect(try bench.config(.read, from: Bench.other) == nil)
        // An empty list means everybody whom the owner allows.
        let emptied = try #require(try edit(&bench, [(2, Bench.client)]))
        #expect(emptied.fault == 0 && emptied.count == 0)
        #expect(try bench.config(.read, from: Bench.client) != nil)
        #expect(try bench.config(.read, from: Bench.other) == nil)
    }

    @Test func `where everybody is allowed, clients keep a list`() throws {
        var bench = Bench()
        let list = try #require(try edit(&bench, [(0, Bench.other), (1, Bench.client)]))
        #expect(list.directives.map(\.mac) == [Bench.client])
        #expect(try bench.config(.read, from: Bench.other) == nil)
        let bad = try #require(try edit(&bench, [(1, Bench.other), (9, Bench.other)]))
        #expect(bad.fault == AoEMaskFault.badDirective.rawValue && bad.count == 1)
        #expect(try bench.config(.read, from: Bench.other) != nil)
    }

    @Test func `a list takes as many hosts as an answer can name`() throws {
        var bench = Bench(mtu: 600)
        let room = bench.machine.link.longestList
        #expect(room == 73)
        for number in 0..<room {
            let list = try #require(
                try edit(&bench, [(1, MACAddress(UInt64(2 + 256 * number))), (1, Bench.client)]))
            if number < room - 1 { #expect(list.fault == 0) }
        }
        let full = try #require(try edit(&bench, [(1, Bench.other)]))
        #expect(full.fault == AoEMaskFault.full.rawValue)
        var question = AoEMaskList(.edit).encoded
        question[3] = 200
        #expect(bench.answer(Bench.header(.maskList), question)?.header.error == 2)
    }

    @Test func `who has reserved the disk has it alone, until force or release`() throws {
        var bench = Bench()
        #expect(try reserve(&bench, .set, [Bench.client]).error == 0)
        let late = try reserve(&bench, .set, [Bench.other], from: Bench.other)
        #expect(late.error == 6 && late.hosts == [Bench.client])
        let read = ATARegisters(command: 0x24, count: 1)
        guard case .device = bench.ata(read) else {
            Issue.record("the holder reads")
            return
        }
        let argument = read.encoded
        #expect(bench.answer(Bench.header(.ata, from: Bench.other), argument)?.header.error == 6)
        // What the disk is may still be seen.
        let identify = ATARegisters(command: 0xec, count: 1).encoded
        #expect(bench.answer(Bench.header(.ata, from: Bench.other), identify)?.header.error == 0)
        #expect(try reserve(&bench, .read, from: Bench.other).hosts == [Bench.client])
        let forced = try reserve(&bench, .forceSet, [Bench.other], from: Bench.other)
        #expect(forced.error == 0 && forced.hosts == [Bench.other])
        #expect(try reserve(&bench, .set, [], from: Bench.other).hosts.isEmpty)
        #expect(try reserve(&bench, .set, [Bench.client]).error == 0)
    }

    @Test func `what is kept comes back from its file`() throws {
        let kept = AoEKept(text: Array("blue".utf8), hosts: [Bench.client, Bench.other])
        let bytes = AoEKeptFile.encode(kept)
        #expect(try AoEKeptFile.decode(bytes) == kept)
        for count in 0..<bytes.count {
            #expect(throws: (any Error).self) {
                try AoEKeptFile.decode(Array(bytes.prefix(count)))
            }
        }
        #expect(throws: (any Error).self) { try AoEKeptFile.decode(bytes + [0]) }
    }
}
