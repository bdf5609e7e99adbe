import SCSITarget
import SCSIWire
import Testing

/// RESERVE and RELEASE, as the standard before persistent reservations has them.
@Suite struct ReserveTests {
    @Test(arguments: [UInt8(0x16), 0x56]) func `a unit that is reserved is for one initiator`(
        opcode: UInt8
    ) throws {
        let bench = try Bench()
        let other = bench.another()
        let release = opcode + 1
        #expect(bench.send([opcode]).isGood)
        #expect(bench.send([opcode]).isGood)
        let refused: [[UInt8]] = [
            [opcode], CDB.modeSense(0x3F), [0x00], CDB.ten(0x28, 0, 1), CDB.reserveIn(0), [0x25],
            [0x48, 0x02],
        ]
        for cdb in refused {
            #expect(bench.send(cdb, from: other).status == SCSIStatus.reservationConflict)
        }
        let allowed: [[UInt8]] = [
            CDB.inquiry(), [0x03, 0, 0, 0, 18], [0xA0, 0, 0, 0, 0, 0, 0, 0, 0, 16], [release],
            [0x1E, 0, 0, 0, 0, 0],
        ]
        for cdb in allowed { #expect(bench.send(cdb, from: other).isGood) }
        #expect(bench.send(CDB.modeSense(0x3F)).isGood)
        #expect(bench.send([0x00], from: other).status == SCSIStatus.reservationConflict)
        #expect(bench.send([release]).isGood)
        #expect(bench.send([opcode], from: other).isGood)
    }

    @Test func `it ends with the nexus, and with a reset`() throws {
        let bench = try Bench()
        let other = bench.another()
        bench.send([0x16], from: other)
        bench.target.detach(other)
        #expect(bench.send([0x00]).isGood)
        let third = bench.another(3)
        bench.send([0x16], from: third)
        bench.target.reset(.logicalUnit(Bench.lun), by: third)
        #expect(bench.send([0x00]).sense == 0x06_2903)
        #expect(bench.send([0x16]).isGood)
    }

    @Test func `a command of a nexus that is gone reserves nothing`() throws {
        let bench = try Bench { $0.isRemovable = true }
        for cdb: [UInt8] in [[0x16], [0x1E, 0, 0, 0, 1, 0]] {
            let request = SCSIRequest(lun: Bench.lun, cdb: cdb)
            let nexus = bench.another(8)
            let task = bench.target.prepare(request, nexus: nexus)
            bench.target.detach(nexus)
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            let empty = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            _ = bench.target.perform(task, dataOut: none, dataIn: empty)
            #expect(bench.send([0x1B, 0, 0, 0, 2, 0]).isGood)
            #expect(bench.send([0x1B, 0, 0, 0, 3, 0]).isGood)
        }
    }

    @Test func `it is not for units with persistent registrations`() throws {
        let bench = try Bench()
        #expect(bench.send(PersistentTests.out(6), PersistentTests.list(new: 5)).isGood)
        #expect(bench.send([0x16]).status == SCSIStatus.reservationConflict)
        let second = try Bench()
        second.send([0x16])
        let answer = second.send(PersistentTests.out(6), PersistentTests.list(new: 5))
        #expect(answer.status == SCSIStatus.reservationConflict)
    }
}
