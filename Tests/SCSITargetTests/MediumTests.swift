import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct MediumTests {
    private let ready: [UInt8] = [0x00]
    private let eject: [UInt8] = [0x1B, 0, 0, 0, 0x02, 0]
    private let load: [UInt8] = [0x1B, 0, 0, 0, 0x03, 0]

    private func prevent(_ value: UInt8) -> [UInt8] { [0x1E, 0, 0, 0, value, 0] }

    @Test func `a medium that is out fails what needs it, and nothing else`() throws {
        let bench = try Bench { $0.isRemovable = true }
        #expect(bench.send(CDB.inquiry()).data[1] == 0x80)
        #expect(bench.send(eject).isGood)
        let block = Bench.block(0)
        let commands: [([UInt8], [UInt8])] = [
            (ready, []), (CDB.ten(0x35, 0, 1, flags: 2), []), (CDB.sixteen(0x91, 0, 1), []),
            (CDB.ten(0x28, 0, 1), []), (CDB.twelve(0xA8, 0, 1), []),
            (CDB.sixteen(0x88, 0, 1), []), ([0x25], []),
            (CDB.sixteen(0x9E, 0, 15, flags: 0x10), []),
            (CDB.ten(0x2F, 0, 1, flags: 2), block), (CDB.sixteen(0x9E, 0, 24, flags: 0x12), []),
            (CDB.ten(0x34, 0, 1), []), (CDB.sixteen(0x90, 0, 1), []),
            (CDB.compareAndWrite(0, 1), block + block), (CDB.sixteen(0x8B, 0, 1), block),
            (CDB.ten(0x42, 0, 24), Array(block[..<24])), (CDB.ten(0x2A, 0, 1), block),
            (CDB.ten(0x41, 0, 1), block), (CDB.ten(0x2E, 0, 1, flags: 2), block),
        ]
        for (cdb, data) in commands { #expect(bench.send(cdb, data).sense == 0x02_3A00) }
        #expect(bench.send(CDB.inquiry()).isGood)
        #expect(bench.send(CDB.modeSense(0x3F)).isGood)
        #expect(Bench.sense(bench.send([0x03, 0, 0, 0, 252]).data) == 0x02_3A00)
        #expect(bench.send(load).isGood)
        #expect(bench.send(ready).isGood)
    }

    @Test func `others are told of a medium that came`() throws {
        let bench = try Bench { $0.isRemovable = true }
        let other = bench.another()
        bench.send(eject)
        bench.send(load)
        #expect(bench.send(ready).isGood)
        #expect(bench.send(ready, from: other).sense == 0x06_2800)
        bench.send(load)
        #expect(bench.send(ready, from: other).isGood)
    }

    @Test func `each initiator prevents removal for itself`() throws {
        let bench = try Bench { $0.isRemovable = true }
        let other = bench.another()
        bench.send(prevent(1))
        bench.send(prevent(1), from: other)
        for nexus in [bench.nexus, other] {
            #expect(bench.send(eject, from: nexus).sense == 0x05_5302)
            #expect(bench.send(ready, from: nexus).isGood)
        }
        bench.send(prevent(0))
        #expect(bench.send(eject).sense == 0x05_5302)
        bench.target.detach(other)
        #expect(bench.send(eject).isGood)
        bench.send(prevent(1))
        #expect(bench.send(load).sense == 0x05_5302)
        #expect(bench.send(prevent(2)).sense == 0x05_2400)
    }

    @Test(arguments: [SCSIResetScope.logicalUnit(Bench.lun), .targetWarm, .targetCold])
    func `a reset allows removal`(scope: SCSIResetScope) throws {
        let bench = try Bench { $0.isRemovable = true }
        bench.send(prevent(1))
        bench.target.reset(scope, by: bench.nexus)
        bench.send(ready)
        #expect(bench.send(eject).isGood)
    }

    @Test(arguments: 1...15) func `power conditions neither stop nor eject`(condition: UInt8) throws
    {
        let bench = try Bench { $0.isRemovable = true }
        #expect(bench.send([0x1B, 1, 0, 0, condition << 4 | 0x02, 0]).isGood)
        #expect(bench.send(ready).isGood)
    }

    @Test func `stopping makes everything durable unless it is told not to`() throws {
        let bench = try Bench()
        #expect(bench.send([0x1B, 0, 0, 0, 0x00, 0]).isGood)
        #expect(bench.device.state.withLock { $0.flushes } == 1)
        #expect(bench.send([0x1B, 0, 0, 0, 0x04, 0]).isGood)
        #expect(bench.device.state.withLock { $0.flushes } == 1)
        #expect(bench.send([0x1B, 0, 0, 0, 0x01, 0]).isGood)
        #expect(bench.send(ready).isGood)
        #expect(bench.send(eject).sense == 0x05_2400)
    }

    @Test func `defects, diagnostics and logs are told as empty`() throws {
        let bench = try Bench()
        #expect(bench.send([0x37, 0, 0x1B, 0, 0, 0, 0, 0, 32, 0]).data == [0, 0x1B, 0, 0])
        #expect(
            bench.send([0xB7, 0x18, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0]).data
                == [0, 0x18, 0, 0, 0, 0, 0, 0])
        #expect(bench.send([0x1C, 1, 0, 0, 255, 0]).data == [0, 0, 0, 1, 0])
        #expect(bench.send([0x1C, 1, 7, 0, 255, 0]).sense == 0x05_2400)
        #expect(bench.send([0x1D, 0x04, 0, 0, 0, 0]).isGood)
        #expect(bench.send([0x1D, 0x24, 0, 0, 0, 0]).sense == 0x05_2400)
        #expect(bench.send([0x4D, 0, 0x40, 0, 0, 0, 0, 1, 0, 0]).data == [0, 0, 0, 2, 0, 0x2F])
        #expect(bench.send([0x4D, 0, 0x6F, 0, 0, 0, 0, 1, 0, 0]).data.count == 12)
        #expect(bench.send([0x4D, 0, 0x4D, 0, 0, 0, 0, 1, 0, 0]).sense == 0x05_2400)
        #expect(bench.send([0x4D, 0, 0x00, 0, 0, 0, 0, 1, 0, 0]).sense == 0x05_2400)
    }
}
