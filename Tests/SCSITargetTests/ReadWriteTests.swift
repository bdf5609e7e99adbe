import BlockDevice
import Platform
import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct ReadWriteTests {
    @Test(arguments: [6, 10, 12, 16]) func `what is written is read, in every length of command`(
        length: Int
    ) throws {
        let bench = try Bench()
        let data = (0..<1024).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let (write, read): ([UInt8], [UInt8]) =
            switch length {
            case 6: ([0x0A, 0, 0, 9, 2, 0], [0x08, 0, 0, 9, 2, 0])
            case 10: (CDB.ten(0x2A, 9, 2), CDB.ten(0x28, 9, 2))
            case 12: (CDB.twelve(0xAA, 9, 2), CDB.twelve(0xA8, 9, 2))
            default: (CDB.sixteen(0x8A, 9, 2), CDB.sixteen(0x88, 9, 2))
            }
        #expect(bench.send(write, data).isGood)
        #expect(bench.content(9, 2) == data)
        #expect(bench.send(read).data == data)
    }

    @Test func `a count of 0 in six bytes is 256 blocks`() throws {
        let bench = try Bench()
        #expect(bench.send([0x08, 0, 0, 0, 0, 0], take: 1 << 20).count == 256 * 512)
    }

    @Test(arguments: [UInt8(0x28), 0x2A, 0x2F, 0x2E, 0x34])
    func `no blocks are fine within the disk and refused beyond`(opcode: UInt8) throws {
        let bench = try Bench()
        #expect(bench.send(CDB.ten(opcode, 0, 0)).isGood)
        #expect(bench.send(CDB.ten(opcode, 1025, 0)).sense == 0x05_2100)
        #expect(bench.send(CDB.ten(opcode, 0x8000_0000, 0)).sense == 0x05_2100)
        #expect(bench.send(CDB.ten(opcode, .max, 0)).sense == 0x05_2100)
    }

    @Test(arguments: [UInt8(0x88), 0x8A, 0x8B, 0x8E, 0x8F, 0x90, 0x91, 0x93])
    func `addresses near the end of 64 bits do not wrap`(opcode: UInt8) throws {
        let bench = try Bench()
        let far: [UInt64] = [.max, .max - 1, 1 << 63, 1025, 1 << 55]
        for address in far {
            for count: UInt32 in [0, 1, 2, .max] {
                let answer = bench.send(CDB.sixteen(opcode, address, count), Bench.block(1))
                #expect(answer.sense == 0x05_2100)
            }
        }
    }

    @Test func `one block too many is out of range, and nothing is written`() throws {
        let bench = try Bench()
        for count in 1...256 {
            let data = Bench.block(1, count)
            let first = UInt32(1024 - count + 1)
            let answer = bench.send(CDB.ten(0x2A, first, UInt16(count)), data)
            #expect(answer.sense == 0x05_2100)
        }
        #expect(bench.content(0, 1024).allSatisfy { $0 == 0 })
    }

    @Test func `a shorter buffer takes the beginning, and the whole count is told`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 2), Bench.block(7, 2))
        let answer = bench.send(CDB.ten(0x28, 0, 2), take: 200)
        #expect(answer.count == 1024)
        #expect(answer.data == Array(Bench.block(7).prefix(200)))
        #expect(bench.send(CDB.ten(0x28, 0, 1), take: 0).count == 512)
    }

    @Test func `fewer bytes than blocks are written as they are`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 2), Bench.block(0x61, 2))
        #expect(bench.send(CDB.ten(0x2A, 0, 1), [UInt8](repeating: 0x62, count: 200)).isGood)
        #expect(
            bench.content(0, 2) == [UInt8](repeating: 0x62, count: 200)
                + [UInt8](repeating: 0x61, count: 824))
        #expect(bench.send(CDB.ten(0x2A, 0, 2), Bench.block(0x63, 1)).isGood)
        #expect(bench.content(0, 2) == Bench.block(0x63) + Bench.block(0x61))
        #expect(bench.send(CDB.ten(0x2A, 0, 1), []).isGood)
        #expect(bench.content(0) == Bench.block(0x63))
    }

    @Test(arguments: 1...7) func `protection bits are refused`(bits: Int) throws {
        let bench = try Bench()
        let flags = UInt8(bits << 5)
        for opcode: UInt8 in [0x28, 0x2A, 0x2E, 0x2F, 0x41] {
            let answer = bench.send(CDB.ten(opcode, 0, 1, flags: flags), Bench.block(0))
            #expect(answer.sense == 0x05_2400)
        }
        for opcode: UInt8 in [0x88, 0x8A, 0x8B, 0x8E, 0x8F, 0x93] {
            let answer = bench.send(CDB.sixteen(opcode, 0, 1, flags: flags), Bench.block(0))
            #expect(answer.sense == 0x05_2400)
        }
    }

    @Test func `the obsolete FUA_NV and a group are passed over`() throws {
        let bench = try Bench()
        #expect(bench.send(CDB.ten(0x2A, 0, 1, flags: 0x1A, group: 3), Bench.block(1)).isGood)
        #expect(bench.send(CDB.ten(0x28, 0, 1, flags: 0x02)).isGood)
        #expect(bench.send(CDB.ten(0x34, 0, 1, flags: 0x02, group: 3)).isGood)
    }

    @Test func `a reserved bit is pointed at`() throws {
        let answer = try Bench().send(CDB.ten(0x28, 0, 1, flags: 0x04))
        #expect(answer.sense == 0x05_2400)
        #expect(answer.rawSense[15...17] == [0xCA, 0, 1])
    }

    @Test func `NACA is refused, the vendor's bits of the control byte are not`() throws {
        let bench = try Bench()
        #expect(bench.send([0x00, 0, 0, 0, 0, 0x04]).sense == 0x05_2400)
        #expect(bench.send([0x00, 0, 0, 0, 0, 0xC0]).isGood)
    }

    @Test func `FUA makes a write durable, and a read what is durable`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 1, flags: 0x08), Bench.block(1))
        #expect(bench.device.state.withLock { $0.lastOptions } == .forceUnitAccess)
        bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1))
        #expect(bench.device.state.withLock { $0.lastOptions } == [])
        #expect(bench.send(CDB.ten(0x28, 0, 1, flags: 0x08)).isGood)
        #expect(bench.device.state.withLock { $0.flushes } == 1)
    }

    @Test func `SYNCHRONIZE CACHE flushes, whatever the range and IMMED`() throws {
        let bench = try Bench()
        #expect(bench.send(CDB.ten(0x35, 0, 0)).isGood)
        #expect(bench.send(CDB.ten(0x35, 10, 5, flags: 0x02)).isGood)
        #expect(bench.send(CDB.sixteen(0x91, 0, 0)).isGood)
        #expect(bench.device.state.withLock { $0.flushes } == 3)
        #expect(bench.send(CDB.ten(0x35, 1020, 5)).sense == 0x05_2100)
    }

    @Test func `a device's failures become their sense`() throws {
        let bench = try Bench()
        let range = BlockRange(offset: 3 * 512, length: 512)
        let io = SystemError(errno: 5, call: "pread")
        func reading(_ error: BlockError) -> Bench.Answer {
            bench.device.state.withLock { $0.readError = error }
            defer { bench.device.state.withLock { $0.readError = nil } }
            return bench.send(CDB.ten(0x28, 0, 8))
        }
        func writing(_ error: BlockError) -> Bench.Answer {
            bench.device.state.withLock { $0.writeError = error }
            defer { bench.device.state.withLock { $0.writeError = nil } }
            return bench.send(CDB.ten(0x2A, 0, 8), Bench.block(1, 8))
        }
        let medium = reading(.medium(range, io))
        #expect(medium.sense == 0x03_1100)
        #expect(medium.rawSense[0] == 0xF0 && Array(medium.rawSense[3..<7]) == CDB.big(3, 4))
        #expect(writing(.medium(range, io)).sense == 0x03_0C00)
        #expect(writing(.noSpace(range)).sense == 0x07_2707)
        #expect(writing(.readOnly).sense == 0x07_2700)
        #expect(reading(.gone("it")).sense == 0x04_4400)
        bench.device.state.withLock { $0.writeError = .medium(range, io) }
        #expect(bench.send(CDB.ten(0x35, 0, 0)).sense == 0x03_0C00)
    }

    @Test func `a read-only disk says so, and refuses every change`() throws {
        for bench in [try Bench(TestDevice([])), try Bench { $0.isReadOnly = true }] {
            #expect(bench.send(CDB.modeSense(0x3F)).data[2] & 0x80 != 0)
            let block = Bench.block(0)
            let changes: [([UInt8], [UInt8])] = [
                (CDB.ten(0x2A, 0, 1), block), (CDB.twelve(0xAA, 0, 1), block),
                (CDB.sixteen(0x8A, 0, 1), block), (CDB.ten(0x41, 0, 1), block),
                (CDB.ten(0x41, 0, 1, flags: 0x08), []), (CDB.sixteen(0x93, 0, 1), block),
                (CDB.ten(0x2E, 0, 1, flags: 0x02), block), (CDB.sixteen(0x8B, 0, 1), block),
                (CDB.compareAndWrite(0, 1), block + block), (CDB.ten(0x42, 0, 24), block),
                ([0x0A, 0, 0, 0, 1, 0], block), ([0x48, 0x02], []),
            ]
            for (cdb, data) in changes { #expect(bench.send(cdb, data).sense == 0x07_2700) }
            #expect(bench.send(CDB.ten(0x28, 0, 1)).isGood)
        }
    }

    @Test func `small reads and writes need no waiting where the device says so`() throws {
        let bench = try Bench()
        let write = bench.target.prepare(
            SCSIRequest(lun: Bench.lun, cdb: CDB.ten(0x2A, 4, 1), expectedOut: 512),
            nexus: bench.nexus)
        var none: [UInt8] = []
        let wrote = Bench.block(9).withUnsafeBytes { out in
            none.withUnsafeMutableBytes {
                bench.target.performNow(write, dataOut: out, dataIn: $0)
            }
        }
        #expect(wrote == SCSIOutcome(status: 0))
        #expect(bench.content(4) == Bench.block(9))
        let read = bench.target.prepare(
            SCSIRequest(lun: Bench.lun, cdb: CDB.ten(0x28, 4, 1), expectedIn: 512),
            nexus: bench.nexus)
        var buffer = Bench.block(0)
        let got = buffer.withUnsafeMutableBytes { bench.target.performNow(read, dataIn: $0) }
        #expect(got == SCSIOutcome(status: 0, dataIn: 512))
        #expect(buffer == Bench.block(9))
    }

    @Test(arguments: [CDB.ten(0x28, 0, 1, flags: 8), CDB.ten(0x35, 0, 0), CDB.ten(0x2F, 0, 1)])
    func `what may wait is not done without waiting`(cdb: [UInt8]) throws {
        let bench = try Bench()
        let task = bench.target.prepare(
            SCSIRequest(lun: Bench.lun, cdb: cdb, expectedIn: 512), nexus: bench.nexus)
        var buffer = Bench.block(0)
        let outcome = buffer.withUnsafeMutableBytes {
            bench.target.performNow(task, dataIn: $0)
        }
        #expect(outcome == nil)
        #expect(bench.device.state.withLock { $0.flushes + $0.reads } == 0)
    }
}
