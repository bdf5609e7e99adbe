import Platform
import SCSITarget
import SCSIWire
import Testing

/// Services that name other initiators, and what outlives a process.
extension PersistentTests {
    @Test func `REGISTER AND MOVE hands the reservation on`() throws {
        let bench = try Bench()
        let other = bench.another()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, bench.nexus, 1, 1, kind: 3)
        let name = SCSITransportID(name: "iqn.2026-11.example:initiator", session: 2).encoded
        func move(_ key: UInt64, _ new: UInt64, port: UInt8 = 1) -> Bench.Answer {
            let list =
                CDB.big(key, 8) + CDB.big(new, 8) + [0, 0x02, 0, port]
                + CDB.big(UInt64(name.count), 4) + name
            return bench.send(PersistentTests.out(7, length: UInt8(list.count)), list)
        }
        #expect(move(9, 5).status == PersistentTests.conflict)
        #expect(move(1, 0).sense == 0x05_2600)
        #expect(move(1, 5, port: 2).sense == 0x05_2600)
        #expect(move(1, 5).isGood)
        #expect(keys(bench) == [5] && held(bench)?.0 == 5)
        #expect(bench.send(CDB.ten(0x28, 0, 1)).status == PersistentTests.conflict)
        #expect(bench.send(CDB.ten(0x28, 0, 1), from: other).isGood)
    }

    @Test func `REGISTER may name other initiators, all of them or none`() throws {
        let bench = try Bench()
        let names: [UInt8] = (UInt64(2)...3).flatMap {
            SCSITransportID(name: "iqn.2026-11.example:initiator", session: $0).encoded
        }
        let list =
            PersistentTests.list(new: 4, flags: 0x08) + CDB.big(UInt64(names.count), 4) + names
        let cdb: [UInt8] = [0x5F, 0, 0, 0, 0] + CDB.big(UInt64(list.count), 4) + [0]
        #expect(bench.send(cdb, list).isGood)
        #expect(keys(bench) == [4, 4, 4])
        let cut = Array(list.dropLast())
        let short: [UInt8] = [0x5F, 0, 0, 0, 0] + CDB.big(UInt64(cut.count), 4) + [0]
        #expect(bench.send(short, cut).sense == 0x05_1A00)
    }

    @Test func `reservations that persist are there for the next process`() throws {
        let path = "/tmp/causeway-reservations-\(Clock.nanoseconds())"
        defer { try? Files.remove(path) }
        do {
            let bench = try Bench { $0.reservationFile = path }
            #expect(bench.send(CDB.reserveIn(2)).data[2] == 0x0D)
            #expect(serve(bench, bench.nexus, 6, new: 1, flags: 1).isGood)
            _ = serve(bench, bench.another(), 6, new: 2, flags: 1)
            #expect(serve(bench, bench.nexus, 1, 1, kind: 3).isGood)
        }
        let bench = try Bench { $0.reservationFile = path }
        #expect(keys(bench) == [1, 2] && held(bench)?.0 == 1 && held(bench)?.1 == 3)
        #expect(bench.send(CDB.ten(0x28, 0, 1)).isGood)
        #expect(
            bench.send(CDB.ten(0x28, 0, 1), from: bench.another()).status
                == PersistentTests.conflict)
        #expect(serve(bench, bench.nexus, 6, new: 1, flags: 0).isGood)
        #expect(keys(try Bench { $0.reservationFile = path }) == [])
    }

    @Test func `persistence is refused where there is no file for it`() throws {
        let bench = try Bench()
        #expect(serve(bench, bench.nexus, 6, new: 1, flags: 1).sense == 0x05_2600)
        #expect(keys(bench) == [])
    }

    @Test func `a file that is damaged stops the start`() throws {
        let path = "/tmp/causeway-reservations-\(Clock.nanoseconds())"
        defer { try? Files.remove(path) }
        let bench = try Bench { $0.reservationFile = path }
        _ = serve(bench, bench.nexus, 6, new: 1, flags: 1)
        let good = try Files.read(path)
        for length in 0..<good.count {
            try Files.replace(path, with: Array(good[..<length]))
            #expect(throws: SCSITargetError.self) { try Bench { $0.reservationFile = path } }
        }
        try Files.replace(path, with: good + [0])
        #expect(throws: SCSITargetError.self) { try Bench { $0.reservationFile = path } }
        try Files.replace(path, with: good)
        #expect(keys(try Bench { $0.reservationFile = path }) == [1])
    }

    @Test func `a file that cannot be written refuses the service, and nothing changes`() throws {
        let bench = try Bench { $0.reservationFile = "/nonexistent-folder/file" }
        #expect(serve(bench, bench.nexus, 6, new: 1, flags: 1).sense == 0x04_4400)
        #expect(keys(bench) == [])
    }
}
