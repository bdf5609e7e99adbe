import SCSITarget
import SCSIWire
import Testing

@Suite struct AttentionTests {
    private let ready: [UInt8] = [0x00]

    private func fresh(_ bench: Bench, _ session: UInt64) -> SCSINexus {
        bench.target.attach(
            SCSINexusName(initiator: "iqn.2026-11.example:b", session: session, portalGroup: 1))
    }

    @Test func `a new initiator is told of power on, once`() throws {
        let bench = try Bench()
        let nexus = fresh(bench, 1)
        #expect(bench.send(ready, from: nexus).sense == 0x06_2900)
        #expect(bench.send(ready, from: nexus).isGood)
    }

    @Test func `an initiator that was here before is told of the loss of its nexus`() throws {
        let bench = try Bench()
        bench.target.detach(fresh(bench, 1))
        let nexus = fresh(bench, 1)
        #expect(bench.send(ready, from: nexus).sense == 0x06_2907)
        #expect(bench.send(ready, from: nexus).isGood)
    }

    @Test func `INQUIRY and REPORT LUNS leave an attention waiting`() throws {
        let bench = try Bench()
        let nexus = fresh(bench, 1)
        #expect(bench.send(CDB.inquiry(), from: nexus).isGood)
        #expect(bench.send([0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0], from: nexus).isGood)
        #expect(bench.send(CDB.ten(0x28, 0, 1), from: nexus).sense == 0x06_2900)
    }

    @Test(arguments: [UInt8(0), 1])
    func `REQUEST SENSE takes an attention, in the format asked for`(
        descriptors: UInt8
    ) throws {
        let bench = try Bench()
        let nexus = fresh(bench, 1)
        let answer = bench.send([0x03, descriptors, 0, 0, 252], from: nexus)
        #expect(answer.isGood && Bench.sense(answer.data) == 0x06_2900)
        #expect(answer.data[0] == (descriptors == 0 ? 0x70 : 0x72))
        #expect(bench.send(ready, from: nexus).isGood)
        let none = bench.send([0x03, descriptors, 0, 0, 252], from: nexus)
        #expect(none.isGood && Bench.sense(none.data) == 0)
    }

    @Test func `an attention comes before what is wrong with the command`() throws {
        let bench = try Bench()
        let nexus = fresh(bench, 1)
        #expect(bench.send([0xFF], from: nexus).sense == 0x06_2900)
        #expect(bench.send([0xFF], from: nexus).sense == 0x05_2000)
    }

    @Test func `everybody is told of a new capacity, and reads the new blocks`() throws {
        let bench = try Bench()
        let other = bench.another()
        bench.device.grow(by: 10)
        for nexus in [bench.nexus, other] {
            #expect(bench.send(ready, from: nexus).sense == 0x06_2A09)
            #expect(bench.send(ready, from: nexus).isGood)
        }
        #expect(bench.send(CDB.ten(0x28, 1024, 10)).isGood)
        #expect(bench.send(CDB.ten(0x28, 1024, 11)).sense == 0x05_2100)
    }

    @Test func `a unit that comes or goes is told by the others, until REPORT LUNS`() throws {
        let bench = try Bench()
        let other = bench.another()
        let lun = SCSITarget.lun(1)
        let configuration = SCSIUnitConfiguration(device: TestDevice(), identity: "second")
        try bench.target.add(configuration, lun: lun)
        #expect(bench.send(ready).sense == 0x06_3F0E)
        #expect(bench.send([0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0], from: other).data.count == 24)
        #expect(bench.send(ready, from: other).isGood)
        #expect(bench.send(ready, lun: lun).sense == 0x06_2900)
        bench.target.remove(lun: lun)
        #expect(bench.send(ready, from: other).sense == 0x06_3F0E)
        #expect(bench.send(ready, lun: lun).sense == 0x05_2500)
        #expect(throws: SCSITargetError.unitExists(Bench.lun)) {
            try bench.target.add(configuration, lun: Bench.lun)
        }
    }

    @Test func `more attentions than fit say to ask everything anew`() throws {
        let bench = try Bench()
        for _ in 0..<3 {
            bench.device.grow(by: 1)
            bench.device.grow(by: 1)
        }
        #expect(bench.send(ready).sense == 0x06_2A09)
        #expect(bench.send(ready).isGood)
    }

    @Test func `a reset makes earlier attentions void`() throws {
        let bench = try Bench()
        let other = bench.another()
        bench.device.grow(by: 1)
        #expect(bench.target.reset(.logicalUnit(Bench.lun), by: bench.nexus))
        for nexus in [bench.nexus, other] {
            #expect(bench.send(ready, from: nexus).sense == 0x06_2903)
            #expect(bench.send(ready, from: nexus).isGood)
        }
    }

    @Test func `resets say what they were, end others' commands and undo what was set`() throws {
        let bench = try Bench()
        let other = bench.another()
        let aborts = Recorder()
        other.onAbort { aborts.add($0) }
        bench.nexus.onAbort { _ in Issue.record("the asker ends its own commands") }
        bench.send([0x16], from: bench.nexus)
        #expect(bench.send(ready, from: other).status == SCSIStatus.reservationConflict)
        #expect(bench.target.reset(.targetWarm, by: bench.nexus))
        #expect(bench.send(ready, from: other).sense == 0x06_2903)
        #expect(bench.send(ready, from: other).isGood)
        #expect(bench.target.reset(.targetCold, by: bench.nexus))
        #expect(bench.send(ready, from: other).sense == 0x06_2901)
        #expect(bench.target.reset(.logicalUnit(SCSITarget.lun(9)), by: nil) == false)
        #expect(
            aborts.all == [
                SCSIAbort(lun: nil, cause: .reset), SCSIAbort(lun: nil, cause: .reset),
            ])
    }
}
