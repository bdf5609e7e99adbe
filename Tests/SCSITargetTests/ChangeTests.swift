import BlockDevice
import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct ChangeTests {
    @Test(arguments: [UInt8(0x2F), 0xAF, 0x8F]) func `VERIFY compares where BYTCHK says so`(
        opcode: UInt8
    ) throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 4), Bench.block(5, 4))
        func verify(_ check: UInt8, _ data: [UInt8]) -> Bench.Answer {
            let flags = check << 1
            let cdb =
                switch opcode {
                case 0x2F: CDB.ten(opcode, 0, 4, flags: flags)
                case 0xAF: CDB.twelve(opcode, 0, 4, flags: flags)
                default: CDB.sixteen(opcode, 0, 4, flags: flags)
                }
            return bench.send(cdb, data)
        }
        #expect(verify(0, []).isGood)
        #expect(verify(1, Bench.block(5, 4)).isGood)
        #expect(verify(3, Bench.block(5)).isGood)
        #expect(verify(2, Bench.block(5)).sense == 0x05_2400)
        var wrong = Bench.block(5, 4)
        wrong[1337] = 6
        let answer = verify(1, wrong)
        #expect(answer.sense == 0x0E_1D00)
        #expect(answer.rawSense[0] == 0xF0 && Array(answer.rawSense[3..<7]) == CDB.big(1337, 4))
        bench.send(CDB.ten(0x2A, 3, 1), Bench.block(9))
        #expect(verify(3, Bench.block(5)).sense == 0x0E_1D00)
    }

    @Test(arguments: [UInt8(0), 1, 3]) func `VERIFY takes no more than a read`(check: UInt8) throws
    {
        let bench = try Bench { $0.transferLimit = 16 * 512 }
        let data = Bench.block(0, check == 1 ? 17 : check == 3 ? 1 : 0)
        #expect(bench.send(CDB.ten(0x2F, 0, 17, flags: check << 1), data).sense == 0x05_2400)
        let fewer = Bench.block(0, check == 1 ? 16 : check == 3 ? 1 : 0)
        #expect(bench.send(CDB.ten(0x2F, 0, 16, flags: check << 1), fewer).isGood)
    }

    @Test func `WRITE AND VERIFY leaves durable blocks`() throws {
        let bench = try Bench()
        #expect(bench.send(CDB.ten(0x2E, 2, 2, flags: 0x02), Bench.block(8, 2)).isGood)
        #expect(bench.content(2, 2) == Bench.block(8, 2))
        #expect(bench.device.state.withLock { $0.lastOptions } == .forceUnitAccess)
        #expect(bench.send(CDB.ten(0x2E, 0, 2, flags: 0x02), Bench.block(9, 1)).isGood)
        #expect(bench.content(0, 2) == Bench.block(9) + Bench.block(0))
        #expect(bench.send(CDB.ten(0x2E, 0, 1, flags: 0x04), Bench.block(9)).sense == 0x05_2400)
    }

    @Test func `COMPARE AND WRITE writes only where all is equal`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 7, 3), Bench.block(0x41, 3))
        let good = Bench.block(0x41, 3) + Bench.block(0x42, 3)
        #expect(bench.send(CDB.compareAndWrite(7, 3), good).isGood)
        #expect(bench.content(7, 3) == Bench.block(0x42, 3))
        let answer = bench.send(CDB.compareAndWrite(7, 3), good)
        #expect(answer.sense == 0x0E_1D00)
        #expect(bench.content(7, 3) == Bench.block(0x42, 3))
    }

    @Test func `the place of a miscompare is told, for every byte of a block`() throws {
        let bench = try Bench()
        for place in 0..<512 {
            var data = Bench.block(0) + Bench.block(1)
            data[place] = 0x5A
            let sense = bench.send(CDB.compareAndWrite(0, 1), data).rawSense
            #expect(sense[0] == 0xF0 && Array(sense[3..<7]) == CDB.big(UInt64(place), 4))
        }
    }

    @Test func `COMPARE AND WRITE takes exactly its data, and no more blocks than told`() throws {
        let bench = try Bench { $0.compareLimit = 4 }
        for size in [0, 1, 511, 512, 1023, 1025, 1536, 2048] {
            let data = [UInt8](repeating: 0, count: size)
            #expect(bench.send(CDB.compareAndWrite(0, 1), data).sense == 0x05_2400)
        }
        #expect(bench.send(CDB.compareAndWrite(0, 5), Bench.block(0, 10)).sense == 0x05_2400)
        #expect(bench.send(CDB.compareAndWrite(0, 0)).isGood)
        #expect(bench.send(CDB.compareAndWrite(0, 0), Bench.block(0, 512)).sense == 0x05_2400)
    }

    @Test func `ORWRITE unites`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 300), Bench.block(0x5A, 300))
        #expect(bench.send(CDB.sixteen(0x8B, 0, 300), Bench.block(0x81, 300)).isGood)
        #expect(bench.content(0, 300) == Bench.block(0xDB, 300))
        #expect(bench.send(CDB.sixteen(0x8B, 0, 0)).isGood)
    }

    @Test(arguments: [UInt8(0x41), 0x93]) func `WRITE SAME repeats a block`(opcode: UInt8) throws {
        let bench = try Bench()
        func same(_ first: UInt32, _ count: UInt16, _ data: [UInt8], flags: UInt8 = 0)
            -> Bench.Answer
        {
            let cdb =
                opcode == 0x41
                ? CDB.ten(opcode, first, count, flags: flags)
                : CDB.sixteen(opcode, UInt64(first), UInt32(count), flags: flags)
            return bench.send(cdb, data)
        }
        let block = (0..<512).map { UInt8(truncatingIfNeeded: $0 * 3) }
        #expect(same(5, 3, block).isGood)
        #expect(bench.content(5, 3) == block + block + block)
        #expect(bench.content(4) == Bench.block(0) && bench.content(8) == Bench.block(0))
        // No count is all blocks to the end.
        #expect(same(1000, 0, block).isGood)
        #expect(bench.content(1023) == block)
        #expect(same(0, 1, []).sense == 0x05_0E03)
        #expect(same(0, 1, Bench.block(0, 2), flags: 0x08).sense == 0x05_0E03)
        #expect(same(0, 1, Array(block[..<256]), flags: 0x08).sense == 0x05_0E03)
        // Anchors are not offered, with or without UNMAP.
        #expect(same(0, 1, block, flags: 0x10).sense == 0x05_2400)
        #expect(same(0, 1, block, flags: 0x18).sense == 0x05_2400)
    }

    @Test func `WRITE SAME with UNMAP takes blocks away, whatever the data`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 8), Bench.block(1, 8))
        #expect(bench.send(CDB.ten(0x41, 0, 4, flags: 0x08), Bench.block(0)).isGood)
        #expect(bench.device.state.withLock { $0.lastOptions } == .mayTrim)
        #expect(bench.content(0, 4) == Bench.block(0, 4))
        #expect(bench.send(CDB.sixteen(0x93, 4, 4, flags: 0x09)).isGood)
        #expect(bench.content(4, 4) == Bench.block(0, 4))
        #expect(bench.device.state.withLock { $0.mapped[..<8].allSatisfy { !$0 } })
        bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1))
        #expect(bench.send(CDB.ten(0x41, 0, 1, flags: 0x08), Bench.block(3)).isGood)
        #expect(bench.content(0) == Bench.block(0))
    }

    @Test func `NDOB without UNMAP writes zeros`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 2), Bench.block(1, 2))
        #expect(bench.send(CDB.sixteen(0x93, 0, 2, flags: 0x01)).isGood)
        #expect(bench.content(0, 2) == Bench.block(0, 2))
        #expect(bench.device.state.withLock { $0.mapped[0] })
    }

    /// A parameter list of UNMAP.
    private func unmap(_ ranges: [(UInt64, UInt32)]) -> ([UInt8], [UInt8]) {
        var body: [UInt8] = []
        for (first, count) in ranges {
            body += CDB.big(first, 8) + CDB.big(UInt64(count), 4) + [0, 0, 0, 0]
        }
        let list =
            CDB.big(UInt64(body.count + 6), 2) + CDB.big(UInt64(body.count), 2) + [0, 0, 0, 0]
            + body
        return (CDB.ten(0x42, 0, UInt16(list.count)), list)
    }

    @Test func `UNMAP takes ranges away, which read as zeros`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 16), Bench.block(1, 16))
        let (cdb, list) = unmap([(1, 2), (5, 1), (5, 3)])
        #expect(bench.send(cdb, list).isGood)
        let zeros = (0..<16).filter { bench.content($0) == Bench.block(0) }
        #expect(zeros == [1, 2, 5, 6, 7])
    }

    @Test func `UNMAP of nothing is fine, also at the end of the disk`() throws {
        let bench = try Bench()
        for ranges: [(UInt64, UInt32)] in [[], [(0, 0)], [(1024, 0)], [(3, 0), (3, 0)]] {
            let (cdb, list) = unmap(ranges)
            #expect(bench.send(cdb, list).isGood)
        }
        #expect(bench.send(CDB.ten(0x42, 0, 0)).isGood)
        #expect(bench.send(CDB.ten(0x42, 0, 0, flags: 0x01)).sense == 0x05_2400)
    }

    @Test func `UNMAP beyond the end takes nothing away`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1))
        for bad: (UInt64, UInt32) in [(1024, 1), (0, 1025), (.max, 1), (.max, .max)] {
            let (cdb, list) = unmap([(0, 1), bad])
            #expect(bench.send(cdb, list).sense == 0x05_2100)
        }
        #expect(bench.content(0) == Bench.block(1))
    }

    @Test(arguments: 1..<8) func `an UNMAP list shorter than its header is refused`(
        length: Int
    ) throws {
        let answer = try Bench().send(
            CDB.ten(0x42, 0, UInt16(length)), [UInt8](repeating: 0, count: length))
        #expect(answer.sense == 0x05_1A00)
    }

    @Test func `an UNMAP descriptor that is cut off is passed over`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 2), Bench.block(1, 2))
        let (_, list) = unmap([(0, 1), (1, 1)])
        #expect(bench.send(CDB.ten(0x42, 0, 30), Array(list[..<30])).isGood)
        #expect(bench.content(0) == Bench.block(0) && bench.content(1) == Bench.block(1))
    }

    @Test func `WRITE ATOMIC is there only where the device can keep its promise`() throws {
        let cdb: [UInt8] = [0x9C, 0] + CDB.big(0, 8) + [0, 0, 0, 2, 0, 0]
        #expect(try Bench().send(cdb, Bench.block(1, 2)).sense == 0x05_2000)
        let bench = try Bench { $0.atomicLimit = 2 }
        #expect(bench.send(cdb, Bench.block(1, 2)).isGood)
        #expect(bench.content(0, 2) == Bench.block(1, 2))
        let more: [UInt8] = [0x9C, 0] + CDB.big(0, 8) + [0, 0, 0, 3, 0, 0]
        #expect(bench.send(more, Bench.block(1, 3)).sense == 0x05_2400)
        #expect(Array(bench.send(CDB.inquiry(page: 0xB0)).data[44..<48]) == CDB.big(2, 4))
    }
}
