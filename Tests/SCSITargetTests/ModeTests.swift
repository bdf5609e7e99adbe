import BlockDevice
import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct ModeTests {
    /// MODE SELECT(6) of pages.
    private func select(_ pages: [UInt8], flags: UInt8 = 0x10) -> ([UInt8], [UInt8]) {
        let list: [UInt8] = [0, 0, 0, 0] + pages
        return ([0x15, flags, 0, 0, UInt8(list.count), 0], list)
    }

    private func page(_ bench: Bench, _ code: UInt8, control: UInt8 = 0) -> [UInt8] {
        Array(bench.send(CDB.modeSense(code, control: control)).data.dropFirst(12))
    }

    @Test func `all pages hold each page, and lengths agree`() throws {
        let bench = try Bench()
        let all = bench.send(CDB.modeSense(0x3F)).data
        #expect(Int(all[0]) == all.count - 1)
        #expect(all[2] == 0x10 && all[3] == 8)
        #expect(Array(all[4..<12]) == CDB.big(1024, 4) + CDB.big(512, 4))
        var rest = all.dropFirst(12)
        var codes: [UInt8] = []
        while let code = rest.first {
            let length = Int(rest[rest.startIndex + 1]) + 2
            #expect(Array(rest.prefix(length)) == page(bench, code))
            codes.append(code)
            rest = rest.dropFirst(length)
        }
        #expect(codes == [0x01, 0x02, 0x08, 0x0A, 0x1C])
        let long = bench.send([0x5A, 0, 0x3F, 0, 0, 0, 0, 1, 0, 0]).data
        #expect(Array(long.dropFirst(16)) == Array(all.dropFirst(12)))
        #expect(Int(long[0]) << 8 | Int(long[1]) == long.count - 2)
        let short = bench.send([0x1A, 0x08, 0x3F, 0, 255, 0]).data
        #expect(short[3] == 0 && Array(short.dropFirst(4)) == Array(all.dropFirst(12)))
    }

    @Test func `subpages are told only where they are asked for`() throws {
        let bench = try Bench()
        let both = bench.send(CDB.modeSense(0x0A, sub: 0xFF)).data.dropFirst(12)
        #expect(both.count == 12 + 32)
        let one = bench.send(CDB.modeSense(0x0A, sub: 1)).data.dropFirst(12)
        #expect(one.first == 0x4A && one.count == 32)
        #expect(bench.send(CDB.modeSense(0x0A, sub: 2)).sense == 0x05_2400)
        #expect(bench.send(CDB.modeSense(0x07)).sense == 0x05_2400)
        #expect(bench.send(CDB.modeSense(0x3F, control: 3)).sense == 0x05_3900)
    }

    @Test(arguments: [UInt8(0), 4, 12, 13, 255]) func `an answer is cut at the allocation length`(
        length: UInt8
    ) throws {
        let whole = try Bench().send(CDB.modeSense(0x3F)).count
        #expect(
            try Bench().send(CDB.modeSense(0x3F, length: length)).count == min(whole, Int(length)))
    }

    @Test func `the cache can be turned off, which flushes it and forces every write`() throws {
        let bench = try Bench()
        var caching = page(bench, 0x08)
        #expect(caching[2] == 0x04)
        #expect(page(bench, 0x08, control: 1)[2] == 0x04)
        caching[2] = 0
        let (cdb, list) = select(caching)
        #expect(bench.send(cdb, list).isGood)
        #expect(bench.device.state.withLock { $0.flushes } == 1)
        #expect(page(bench, 0x08)[2] == 0)
        #expect(page(bench, 0x08, control: 2)[2] == 0x04)
        bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1))
        #expect(bench.device.state.withLock { $0.lastOptions } == .forceUnitAccess)
        bench.send(CDB.sixteen(0x93, 0, 1), Bench.block(0))
        #expect(bench.device.state.withLock { $0.lastOptions } == .forceUnitAccess)
    }

    @Test func `a disk without a volatile cache tells none, and none can be turned on`() throws {
        let bench = try Bench(TestDevice([.write]))
        var caching = page(bench, 0x08)
        #expect(caching[2] == 0 && page(bench, 0x08, control: 1)[2] == 0)
        caching[2] = 4
        let (cdb, list) = select(caching)
        #expect(bench.send(cdb, list).sense == 0x05_2600)
    }

    @Test func `software write protection refuses writes until it is taken off`() throws {
        let bench = try Bench()
        let other = bench.another()
        var control = page(bench, 0x0A)
        control[4] |= 0x08
        let (cdb, list) = select(control)
        #expect(bench.send(cdb, list).isGood)
        #expect(bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1)).sense == 0x07_2702)
        #expect(bench.send(CDB.ten(0x28, 0, 1)).isGood)
        #expect(bench.send(CDB.modeSense(0x3F)).data[2] & 0x80 != 0)
        #expect(bench.send([0x00], from: other).sense == 0x06_2A01)
        #expect(bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1), from: other).sense == 0x07_2702)
        control[4] &= ~0x08
        let (again, cleared) = select(control)
        #expect(bench.send(again, cleared).isGood)
        #expect(bench.send(CDB.ten(0x2A, 0, 1), Bench.block(1)).isGood)
    }

    @Test func `the same settings again tell nobody anything`() throws {
        let bench = try Bench()
        let other = bench.another()
        let (cdb, list) = select(page(bench, 0x0A) + page(bench, 0x08))
        #expect(bench.send(cdb, list).isGood)
        #expect(bench.send([0x00], from: other).isGood)
    }

    @Test func `descriptor format sense is a setting`() throws {
        let bench = try Bench()
        var control = page(bench, 0x0A)
        control[2] |= 0x04
        let (cdb, list) = select(control)
        #expect(bench.send(cdb, list).isGood)
        let answer = bench.send(CDB.sixteen(0x88, .max, 1))
        #expect(answer.rawSense.first == 0x72 && answer.sense == 0x05_2100)
        let field = bench.send(CDB.modeSense(0x07))
        #expect(Array(field.rawSense[7...]) == [8, 2, 6, 0, 0, 0xCD, 0, 2, 0])
    }

    @Test func `what may not change is refused, and nothing changes`() throws {
        let bench = try Bench()
        var control = page(bench, 0x0A)
        control[4] |= 0x08
        var wrong = page(bench, 0x08)
        wrong[2] |= 0x01
        let (cdb, list) = select(control + wrong)
        #expect(bench.send(cdb, list).sense == 0x05_2600)
        #expect(page(bench, 0x0A)[4] & 0x08 == 0)
    }

    @Test func `lists that are cut off or wrong are refused`() throws {
        let bench = try Bench()
        let control = page(bench, 0x0A)
        for length in 1..<16 where length != 4 {
            let list = Array(([0, 0, 0, 0] + control).prefix(length))
            let answer = bench.send([0x15, 0x10, 0, 0, UInt8(length), 0], list)
            #expect(answer.sense == 0x05_1A00)
        }
        #expect(bench.send([0x15, 0x10, 0, 0, 4, 0], [0, 0, 0, 0]).isGood)
        #expect(bench.send([0x15, 0x10, 0, 0, 0, 0]).isGood)
        let (saving, list) = select(control, flags: 0x11)
        #expect(bench.send(saving, list).sense == 0x05_2400)
        let (unknown, bytes) = select([0x07, 2, 0, 0])
        #expect(bench.send(unknown, bytes).sense == 0x05_2600)
        let (short, cut) = select([0x0A, 4, 0, 0, 0, 0])
        #expect(bench.send(short, cut).sense == 0x05_2600)
    }

    @Test func `a block descriptor may say what is so`() throws {
        let bench = try Bench()
        let whole = bench.send(CDB.modeSense(0x0A)).data
        var list = [0] + whole.dropFirst()
        list[2] = 0
        let cdb: [UInt8] = [0x15, 0x10, 0, 0, UInt8(list.count), 0]
        #expect(bench.send(cdb, list).isGood)
        list[10] = 8
        #expect(bench.send(cdb, list).sense == 0x05_2600)
    }
}
