import SCSITarget
import SCSIWire
import Testing

@Suite struct PersistentTests {
    static let conflict = SCSIStatus.reservationConflict

    /// PERSISTENT RESERVE OUT.
    static func out(_ action: UInt8, kind: UInt8 = 0, length: UInt8 = 24) -> [UInt8] {
        [0x5F, action, kind, 0, 0, 0, 0, 0, length, 0]
    }

    /// Its parameters.
    static func list(_ key: UInt64 = 0, new: UInt64 = 0, flags: UInt8 = 0) -> [UInt8] {
        CDB.big(key, 8) + CDB.big(new, 8) + [0, 0, 0, 0, flags, 0, 0, 0]
    }

    func serve(
        _ bench: Bench, _ nexus: SCSINexus, _ action: UInt8, _ key: UInt64 = 0, new: UInt64 = 0,
        kind: UInt8 = 0, flags: UInt8 = 0
    ) -> Bench.Answer {
        bench.send(
            PersistentTests.out(action, kind: kind),
            PersistentTests.list(key, new: new, flags: flags), from: nexus)
    }

    func keys(_ bench: Bench) -> [UInt64] {
        let data = bench.send(CDB.reserveIn(0)).data
        return stride(from: 8, to: data.count, by: 8).map { place in
            data[place..<place + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    func generation(_ bench: Bench) -> UInt32 {
        bench.send(CDB.reserveIn(0)).data[..<4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Key and type of the reservation.
    func held(_ bench: Bench) -> (UInt64, UInt8)? {
        let data = bench.send(CDB.reserveIn(1)).data
        guard data.count == 24 else { return nil }
        return (data[8..<16].reduce(0) { $0 << 8 | UInt64($1) }, data[21])
    }

    @Test func `a key is registered, kept, changed and taken back`() throws {
        let bench = try Bench()
        let nexus = bench.nexus
        #expect(serve(bench, nexus, 6, new: 0xA).isGood)
        #expect(keys(bench) == [0xA])
        #expect(serve(bench, nexus, 0, new: 0xB).status == PersistentTests.conflict)
        #expect(serve(bench, nexus, 0, 0x9, new: 0xB).status == PersistentTests.conflict)
        #expect(serve(bench, nexus, 0, 0xA, new: 0xB).isGood)
        #expect(keys(bench) == [0xB])
        #expect(serve(bench, nexus, 0, 0xB, new: 0).isGood)
        #expect(keys(bench) == [])
        #expect(serve(bench, nexus, 0, 0x1, new: 0x2).status == PersistentTests.conflict)
        #expect(generation(bench) == 3)
    }

    @Test func `lists of keys are cut, their length is not`() throws {
        let bench = try Bench()
        _ = serve(bench, bench.nexus, 6, new: 1)
        #expect(bench.send(CDB.reserveIn(0, length: 8)).data == CDB.big(1, 4) + CDB.big(8, 4))
    }

    @Test(arguments: SCSIReservationKind.allCases) func `a reservation is told and given back`(
        kind: SCSIReservationKind
    ) throws {
        let bench = try Bench()
        _ = serve(bench, bench.nexus, 6, new: 7)
        let before = generation(bench)
        #expect(serve(bench, bench.nexus, 1, 7, kind: kind.rawValue).isGood)
        #expect(serve(bench, bench.nexus, 1, 7, kind: kind.rawValue).isGood)
        let told = held(bench)
        #expect(told?.0 == (kind.isOfAll ? 0 : 7) && told?.1 == kind.rawValue)
        let wrong: UInt8 = kind == .writeExclusive ? 3 : 1
        #expect(serve(bench, bench.nexus, 1, 7, kind: wrong).status == PersistentTests.conflict)
        #expect(serve(bench, bench.nexus, 2, 7, kind: wrong).sense == 0x05_2604)
        #expect(serve(bench, bench.nexus, 2, 8, kind: 1).status == PersistentTests.conflict)
        #expect(serve(bench, bench.nexus, 2, 7, kind: kind.rawValue).isGood)
        #expect(held(bench) == nil)
        #expect(generation(bench) == before)
        #expect(serve(bench, bench.nexus, 2, 7, kind: kind.rawValue).isGood)
    }

    /// Who may read and write: a registered other, then one that is not.
    @Test(
        arguments: zip(
            [UInt8(1), 3, 5, 6, 7, 8],
            [
                [true, false, true, false], [false, false, false, false],
                [true, true, true, false], [true, true, false, false],
                [true, true, true, false], [true, true, false, false],
            ]))
    func `each type lets others read or write as it says`(kind: UInt8, may: [Bool]) throws {
        let bench = try Bench()
        let other = bench.another()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, other, 6, new: 2)
        #expect(serve(bench, bench.nexus, 1, 1, kind: kind).isGood)
        func reads(_ nexus: SCSINexus) -> Bool {
            bench.send(CDB.ten(0x28, 0, 1), from: nexus).isGood
        }
        func writes(_ nexus: SCSINexus) -> Bool {
            bench.send(CDB.ten(0x2A, 0, 1), Bench.block(0), from: nexus).isGood
        }
        #expect(reads(bench.nexus) && writes(bench.nexus))
        #expect(reads(other) == may[0] && writes(other) == may[1])
        _ = serve(bench, other, 0, 2, new: 0)
        #expect(reads(other) == may[2] && writes(other) == may[3])
        for cdb in [[0x00], CDB.inquiry(), [0x25], CDB.reserveIn(0), [0x1B, 0, 0, 0, 1, 0]] {
            #expect(bench.send(cdb, from: other).isGood)
        }
        for cdb in [[0x16], [0x1B, 0, 0, 0, 0, 0], [0x1E, 0, 0, 0, 1, 0], CDB.ten(0x35, 0, 0)] {
            #expect(bench.send(cdb, from: other).status == PersistentTests.conflict)
        }
    }

    @Test func `a holder that goes away frees the unit, and registrants are told`() throws {
        for (kind, isTold) in [(UInt8(1), false), (3, false), (5, true), (6, true)] {
            let bench = try Bench()
            let other = bench.another()
            _ = serve(bench, bench.nexus, 6, new: 1)
            _ = serve(bench, other, 6, new: 2)
            _ = serve(bench, bench.nexus, 1, 1, kind: kind)
            #expect(serve(bench, bench.nexus, 0, 1, new: 0).isGood)
            #expect(held(bench) == nil)
            #expect(bench.send([0x00], from: other).sense == (isTold ? 0x06_2A04 : nil))
        }
    }

    @Test func `a reservation of all ends with the last registrant`() throws {
        let bench = try Bench()
        let other = bench.another()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, other, 6, new: 2)
        _ = serve(bench, bench.nexus, 1, 1, kind: 7)
        _ = serve(bench, bench.nexus, 0, 1, new: 0)
        #expect(held(bench)?.1 == 7)
        #expect(serve(bench, other, 2, 2, kind: 7).isGood)
        #expect(held(bench) == nil)
    }

    @Test func `releasing for registrants tells them`() throws {
        let bench = try Bench()
        let other = bench.another()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, other, 6, new: 2)
        _ = serve(bench, bench.nexus, 1, 1, kind: 5)
        _ = serve(bench, bench.nexus, 2, 1, kind: 5)
        #expect(bench.send([0x00], from: other).sense == 0x06_2A04)
        #expect(bench.send([0x00]).isGood)
    }

    @Test func `CLEAR removes everything and tells the others`() throws {
        let bench = try Bench()
        let other = bench.another()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, other, 6, new: 2)
        _ = serve(bench, other, 1, 2, kind: 3)
        let before = generation(bench)
        #expect(serve(bench, bench.nexus, 3, 9).status == PersistentTests.conflict)
        #expect(serve(bench, bench.nexus, 3, 1).isGood)
        #expect(held(bench) == nil && keys(bench) == [] && generation(bench) == before + 1)
        #expect(bench.send([0x00], from: other).sense == 0x06_2A03)
        #expect(bench.send([0x00]).isGood)
    }

    @Test func `PREEMPT removes registrations, and says so`() throws {
        let bench = try Bench()
        let other = bench.another()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, other, 6, new: 2)
        let before = generation(bench)
        #expect(serve(bench, other, 4, 2, new: 9, kind: 3).status == PersistentTests.conflict)
        #expect(serve(bench, other, 4, 2, new: 0, kind: 3).sense == 0x05_2600)
        #expect(serve(bench, other, 4, 2, new: 1, kind: 3).isGood)
        #expect(bench.send([0x00]).sense == 0x06_2A05)
        #expect(bench.send([0x00]).isGood)
        #expect(keys(bench) == [2] && held(bench) == nil && generation(bench) == before + 1)
    }

    @Test func `PREEMPT AND ABORT takes the reservation and ends commands`() throws {
        let bench = try Bench()
        let other = bench.another()
        let aborts = Recorder()
        bench.nexus.onAbort { aborts.add($0) }
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, other, 6, new: 2)
        _ = serve(bench, bench.nexus, 1, 1, kind: 1)
        #expect(serve(bench, other, 5, 2, new: 1, kind: 6).isGood)
        #expect(aborts.all == [SCSIAbort(lun: Bench.lun, cause: .preempted)])
        #expect(bench.send([0x00]).sense == 0x06_2A05)
        #expect(held(bench)?.0 == 2 && held(bench)?.1 == 6)
    }

    @Test func `a reservation of all is preempted by no key`() throws {
        let bench = try Bench()
        let other = bench.another()
        let third = bench.another(3)
        for (nexus, key) in [(bench.nexus, UInt64(1)), (other, 2), (third, 3)] {
            _ = serve(bench, nexus, 6, new: key)
        }
        _ = serve(bench, bench.nexus, 1, 1, kind: 8)
        #expect(serve(bench, other, 4, 2, new: 1, kind: 3).isGood)
        #expect(bench.send([0x00]).sense == 0x06_2A05)
        #expect(held(bench)?.1 == 8 && keys(bench) == [2, 3])
        #expect(serve(bench, other, 4, 2, new: 0, kind: 3).isGood)
        #expect(held(bench)?.0 == 2 && held(bench)?.1 == 3 && keys(bench) == [2])
        #expect(bench.send([0x00], from: third).sense == 0x06_2A05)
    }

    @Test func `wrong scopes, types and lengths are refused`() throws {
        let bench = try Bench()
        _ = serve(bench, bench.nexus, 6, new: 1)
        #expect(serve(bench, bench.nexus, 1, 1, kind: 0x11).sense == 0x05_2400)
        for kind: UInt8 in [0, 2, 4, 9, 15] {
            #expect(serve(bench, bench.nexus, 1, 1, kind: kind).sense == 0x05_2400)
        }
        for length in [0, 1, 23, 25, 64] {
            let list = [UInt8](repeating: 0, count: length)
            let answer = bench.send(PersistentTests.out(0, length: UInt8(length)), list)
            #expect(answer.sense == 0x05_1A00)
        }
        let long: [UInt8] = [0x5F, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0]
        #expect(bench.send(long, [0]).sense == 0x05_1A00)
        for action in UInt8(4)..<32 {
            #expect(bench.send(CDB.reserveIn(action)).sense == 0x05_2400)
        }
    }

    @Test func `the full status names initiators, and capabilities all six types`() throws {
        let bench = try Bench()
        _ = serve(bench, bench.nexus, 6, new: 1)
        _ = serve(bench, bench.nexus, 1, 1, kind: 3)
        let data = bench.send(CDB.reserveIn(3)).data
        #expect(Array(data[8..<16]) == CDB.big(1, 8))
        #expect(data[20] == 1 && data[21] == 3 && data[27] == 1)
        #expect(data[32] == 0x45)
        let text = String(decoding: data[36...].prefix { $0 != 0 }, as: UTF8.self)
        #expect(text == "iqn.2026-11.example:initiator,i,0x000000000001")
        #expect(Int(data[31]) == data.count - 32)
        #expect(bench.send(CDB.reserveIn(2)).data == [0, 8, 0x0C, 0x80, 0xEA, 0x01, 0, 0])
    }
}
