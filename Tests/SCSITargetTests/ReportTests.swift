import BlockDevice
import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct ReportTests {
    private func codes(_ options: UInt8, _ opcode: UInt8 = 0, _ action: UInt16 = 0) -> [UInt8] {
        [0xA3, 0x0C, options, opcode] + CDB.big(UInt64(action), 2) + [0, 0, 0xFF, 0xFF, 0, 0]
    }

    /// Operation code, service action, whether it has one, and length of each command.
    private func list(_ data: [UInt8], size: Int = 8) -> [(UInt8, UInt16, Bool, Int)] {
        func word(_ place: Int) -> UInt16 { UInt16(data[place]) << 8 | UInt16(data[place + 1]) }
        var rows: [(UInt8, UInt16, Bool, Int)] = []
        for start in stride(from: 4, to: data.count, by: size) {
            let hasAction = data[start + 5] & 1 != 0
            rows.append((data[start], word(start + 2), hasAction, Int(word(start + 6))))
        }
        return rows
    }

    @Test func `every command of the list is told alone, with its length and its own code`() throws
    {
        let bench = try Bench { $0.atomicLimit = 8 }
        let all = bench.send(codes(0)).data
        #expect(Array(all[..<4]) == CDB.big(UInt64(all.count - 4), 4))
        let commands = list(all)
        #expect(commands.count > 60)
        for (opcode, action, hasAction, length) in commands {
            #expect(hasAction || action == 0)
            let wrong = bench.send(codes(hasAction ? 1 : 2, opcode, action))
            #expect(wrong.sense == 0x05_2400)
            for option: UInt8 in [hasAction ? 2 : 1, 3] {
                let one = bench.send(codes(option, opcode, action)).data
                #expect(one[1] == 3 && Int(one[3]) == length && one.count == 4 + length)
                #expect(one[4] == opcode)
                if hasAction { #expect(UInt16(one[5] & 0x1F) == action) }
            }
        }
    }

    @Test func `commands that were not built in are told as not supported`() throws {
        let bench = try Bench(TestDevice([.write])) { $0.allowsSanitize = false }
        #expect(bench.send(codes(1, 0xEE)).data == [0, 1, 0, 0])
        #expect(bench.send(codes(1, 0x42)).data == [0, 1, 0, 0])
        #expect(bench.send(codes(2, 0x48, 1)).data == [0, 1, 0, 0])
        #expect(bench.send(codes(2, 0x9E, 0x1F)).data == [0, 1, 0, 0])
        let opcodes = list(bench.send(codes(0)).data).map(\.0)
        #expect(!opcodes.contains(0x42) && !opcodes.contains(0x48) && !opcodes.contains(0x9C))
        #expect(bench.send(codes(4)).sense == 0x05_2400)
    }

    @Test func `timeouts are added where they are asked for`() throws {
        let bench = try Bench()
        let plain = bench.send(codes(0)).data
        #expect(list(plain).count == (plain.count - 4) / 8)
        let all = bench.send(codes(0x80)).data
        for start in stride(from: 4, to: all.count, by: 20) {
            #expect(all[start + 5] & 2 != 0 && all[start + 8] == 0 && all[start + 9] == 10)
        }
        let one = bench.send(codes(0x81, 0x28)).data
        #expect(one[1] == 0x83 && one.count == 4 + 10 + 12)
    }

    @Test func `the bits of a read say that DPO and FUA count`() throws {
        let bench = try Bench()
        #expect(bench.send(codes(1, 0x28)).data[5] == 0xF8)
        #expect(bench.send(codes(1, 0x2F)).data[5] & 0x10 != 0)
    }

    @Test func `an allocation length cuts the list and not its length`() throws {
        let bench = try Bench()
        let whole = bench.send(codes(0)).data
        var cdb = codes(0)
        cdb[8] = 0
        cdb[9] = 10
        #expect(bench.send(cdb).data == Array(whole[..<10]))
    }

    @Test func `task management functions are those of iSCSI`() throws {
        let bench = try Bench()
        #expect(bench.send([0xA3, 0x0D, 0, 0, 0, 0, 0, 0, 0, 255]).data == [0xDA, 0, 0, 0])
        #expect(bench.send([0xA3, 0x0D, 0x80, 0, 0, 0, 0, 0, 0, 255]).data.count == 16)
    }

    @Test func `there is one group of one port, active`() throws {
        let bench = try Bench()
        let data = bench.send([0xA3, 0x0A, 0, 0, 0, 0, 0, 0, 0, 255]).data
        #expect(data == [0, 0, 0, 12, 0x00, 0x01, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1])
        let long = bench.send([0xA3, 0x2A, 0, 0, 0, 0, 0, 0, 0, 255]).data
        #expect(Array(long[..<8]) == [0, 0, 0, 16, 0x10, 0, 0, 0])
        for length: UInt8 in [4, 8, 12] {
            let cut = bench.send([0xA3, 0x0A, 0, 0, 0, 0, 0, 0, 0, length]).data
            #expect(cut == Array(data[..<Int(length)]))
        }
    }

    private func status(_ bench: Bench, _ address: UInt64, length: UInt32 = 24) -> Bench.Answer {
        bench.send(CDB.sixteen(0x9E, address, length, flags: 0x12))
    }

    @Test func `block status begins with the block that is asked for`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 256), Bench.block(1, 256))
        bench.send(CDB.sixteen(0x93, 5, 3, flags: 0x09))
        let five = status(bench, 5).data
        #expect(Array(five[..<8]) == CDB.big(20, 4) + CDB.big(0, 4))
        #expect(Array(five[8...]) == CDB.big(5, 8) + CDB.big(3, 4) + [1, 0, 0, 0])
        let six = status(bench, 8).data
        #expect(Array(six[8...]) == CDB.big(8, 8) + CDB.big(248, 4) + [0, 0, 0, 0])
        let several = status(bench, 0, length: 4096).data
        #expect(several.count == 8 + 4 * 16)
        #expect(status(bench, 1023).isGood)
        for address: UInt64 in [1024, 1025, 1 << 63, .max] {
            #expect(status(bench, address).sense == 0x05_2100)
        }
    }

    @Test func `a block that is partly stored is mapped`() throws {
        let bench = try Bench(TestDevice(blocks: 8, blockSize: 4096))
        bench.device.state.withLock { $0.mapped[9] = true }
        let data = status(bench, 0, length: 4096).data
        #expect(data.count == 8 + 3 * 16)
        #expect(Array(data[24..<40]) == CDB.big(1, 8) + CDB.big(1, 4) + [0, 0, 0, 0])
    }

    @Test func `a disk without holes is mapped as a whole`() throws {
        let bench = try Bench(TestDevice([.write]))
        let data = status(bench, 10).data
        #expect(Array(data[8...]) == CDB.big(10, 8) + CDB.big(1014, 4) + [0, 0, 0, 0])
    }
}
