import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct CopyTests {
    /// A descriptor of the disk, by the name it gives itself.
    private func target(_ bench: Bench, _ lun: UInt64 = Bench.lun, type: UInt8 = 0xE4) -> [UInt8] {
        let page = bench.send(CDB.inquiry(page: 0x83), lun: lun).data
        let name = Array(page[8..<16])
        return [type, 0xC0, 0, 0, 0x01, 0x03, 0, 8] + name + [UInt8](repeating: 0, count: 12)
            + [0, 0, 2, 0]
    }

    private func blocks(
        _ count: UInt16, from: UInt64, to: UInt64, _ source: UInt16 = 0, _ destination: UInt16 = 0
    ) -> [UInt8] {
        [0x02, 0, 0, 24] + CDB.big(UInt64(source), 2) + CDB.big(UInt64(destination), 2) + [0, 0]
            + CDB.big(UInt64(count), 2) + CDB.big(from, 8) + CDB.big(to, 8)
    }

    private func bytes(
        _ count: UInt32, from: UInt64, to: UInt64, _ offsets: (UInt16, UInt16) = (0, 0)
    ) -> [UInt8] {
        [0x0A, 0, 0, 28, 0, 0, 0, 0] + CDB.big(UInt64(count), 4) + CDB.big(from, 8)
            + CDB.big(to, 8) + CDB.big(UInt64(offsets.0), 2) + CDB.big(UInt64(offsets.1), 2)
    }

    private func list(
        _ targets: [[UInt8]], _ segments: [[UInt8]], identifier: UInt8 = 1, usage: UInt8 = 0
    ) -> [UInt8] {
        [identifier, usage << 3] + CDB.big(UInt64(targets.joined().count), 2) + [0, 0, 0, 0]
            + CDB.big(UInt64(segments.joined().count), 4) + [0, 0, 0, 0] + targets.joined()
            + segments.joined()
    }

    private func copy(_ bench: Bench, _ list: [UInt8], length: Int? = nil) -> Bench.Answer {
        let cdb: [UInt8] =
            [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0] + CDB.big(UInt64(length ?? list.count), 4) + [0, 0]
        return bench.send(cdb, Array(list.prefix(length ?? list.count)))
    }

    private func status(_ bench: Bench, _ identifier: UInt8) -> Bench.Answer {
        bench.send([0x84, 0, identifier, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0])
    }

    @Test func `blocks are copied within a disk, also onto themselves`() throws {
        let bench = try Bench()
        let data = (0..<512 * 16).map { UInt8(truncatingIfNeeded: $0 / 512 + 1) }
        for (from, to) in [(0, 500), (0, 3), (3, 0)] {
            bench.send(CDB.ten(0x2A, UInt32(from), 16), data)
            let segment = blocks(16, from: UInt64(from), to: UInt64(to))
            #expect(copy(bench, list([target(bench)], [segment])).isGood)
            #expect(bench.content(to, 16) == data)
        }
    }

    @Test func `bytes are copied from and to places within blocks`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 4), (0..<2048).map { UInt8(truncatingIfNeeded: $0 * 13) })
        let segment = bytes(700, from: 0, to: 100, (10, 500))
        #expect(copy(bench, list([target(bench)], [segment])).isGood)
        let source = bench.content(0, 4)
        let copied = bench.content(100, 3)
        #expect(Array(copied[500..<1200]) == Array(source[10..<710]))
        #expect(copied[..<500].allSatisfy { $0 == 0 } && copied[1200...].allSatisfy { $0 == 0 })
    }

    @Test func `blocks go from one unit to another`() throws {
        let bench = try Bench()
        let second = TestDevice()
        let lun = SCSITarget.lun(1)
        try bench.target.add(SCSIUnitConfiguration(device: second, identity: "two"), lun: lun)
        bench.send([0x00])
        bench.send([0x00], lun: lun)
        bench.send(CDB.ten(0x2A, 0, 2), Bench.block(6, 2))
        let parameters = list(
            [target(bench), target(bench, lun)], [blocks(2, from: 0, to: 9, 0, 1)])
        #expect(copy(bench, parameters).isGood)
        #expect(bench.send(CDB.ten(0x28, 9, 2), lun: lun).data == Bench.block(6, 2))
    }

    @Test func `a list that is cut off is refused, an empty one is fine`() throws {
        let bench = try Bench()
        let whole = list([target(bench)], [blocks(4, from: 0, to: 9)])
        for length in 1..<whole.count {
            #expect(copy(bench, whole, length: length).sense == 0x05_1A00)
        }
        #expect(copy(bench, whole, length: 0).isGood)
    }

    @Test func `descriptors that are too many, too long or unknown are refused`() throws {
        let bench = try Bench()
        let one = target(bench)
        let segment = blocks(4, from: 0, to: 9)
        func many(_ targets: Int, _ segments: Int) -> UInt32? {
            copy(
                bench,
                list(
                    Array(repeating: one, count: targets),
                    Array(repeating: segment, count: segments))
            ).sense
        }
        #expect(many(17, 1) == 0x05_2606)
        #expect(many(1, 17) == 0x05_2608)
        #expect(many(17, 20) == 0x05_1A00)
        #expect(many(16, 16) == nil)
        #expect(copy(bench, list([target(bench, type: 0xE0)], [segment])).sense == 0x05_2607)
        var stream = segment
        stream[0] = 0x03
        #expect(copy(bench, list([one], [stream])).sense == 0x05_2609)
        var inline = list([one], [segment])
        inline[15] = 1
        #expect(copy(bench, inline).sense == 0x05_260B)
    }

    @Test func `a disk that is not there, and blocks that are not, abort the copy`() throws {
        let bench = try Bench()
        let one = target(bench)
        #expect(copy(bench, list([one], [blocks(4, from: 0, to: 9, 0, 1)])).sense == 0x0A_0804)
        #expect(copy(bench, list([one], [blocks(8, from: 0, to: 1020)])).sense == 0x0A_0000)
        #expect(copy(bench, list([one], [blocks(8, from: .max, to: 0)])).sense == 0x0A_0000)
        #expect(copy(bench, list([one], [bytes(.max, from: 0, to: 0)])).sense == 0x0A_0000)
        #expect(
            copy(bench, list([one], [bytes(9, from: 1023, to: 0, (.max, 0))])).sense == 0x0A_0000)
        let small = try Bench(TestDevice(blocks: 4))
        let beyond = bytes(9, from: 0, to: 0, (.max, .max))
        #expect(copy(small, list([target(small)], [beyond])).sense == 0x0A_0000)
        var stranger = one
        stranger[9] ^= 1
        #expect(copy(bench, list([stranger], [blocks(1, from: 0, to: 1)])).sense == 0x0A_0D02)
    }

    @Test func `results are kept by identifier, unless they are not wanted`() throws {
        let bench = try Bench()
        #expect(status(bench, 1).sense == 0x05_2400)
        let segment = blocks(4, from: 0, to: 9)
        #expect(copy(bench, list([target(bench)], [segment])).isGood)
        #expect(status(bench, 1).data == [0, 0, 0, 8, 1, 0, 1, 0] + CDB.big(2048, 4))
        _ = copy(bench, list([target(bench)], [segment], identifier: 2, usage: 3))
        #expect(status(bench, 2).sense == 0x05_2400)
        let far = blocks(4, from: 0, to: 1022)
        _ = copy(bench, list([target(bench)], [segment, far], identifier: 3))
        #expect(status(bench, 3).data == [0, 0, 0, 8, 2, 0, 1, 0] + CDB.big(2048, 4))
    }

    @Test func `operating parameters and the page tell the limits that are kept`() throws {
        let bench = try Bench()
        let data = bench.send([0x84, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0]).data
        #expect(Array(data[..<4]) == CDB.big(UInt64(data.count - 4), 4))
        #expect(Array(data[8..<12]) == [0, 16, 0, 16])
        #expect(Array(data[43...]) == [3, 0x02, 0x0A, 0xE4])
        let page = bench.send(CDB.inquiry(page: 0x8F)).data
        #expect(Array(page[4..<16]) == [0, 1, 0, 8, 7, 0x83, 1, 0, 0x84, 2, 0, 3])
    }

    @Test func `others' reservations and write protection hold for copies`() throws {
        let bench = try Bench { $0.isReadOnly = true }
        let segment = blocks(4, from: 0, to: 9)
        #expect(copy(bench, list([target(bench)], [segment])).sense == 0x07_2700)
    }

    @Test func `a unit that another has reserved is neither read nor changed by a copy`() throws {
        let bench = try Bench()
        let lun = SCSITarget.lun(1)
        let second = TestDevice()
        try bench.target.add(SCSIUnitConfiguration(device: second, identity: "two"), lun: lun)
        let other = bench.another()
        for nexus in [bench.nexus, other] {
            for unit in [Bench.lun, lun] { bench.send([0x00], from: nexus, lun: unit) }
        }
        bench.send(CDB.ten(0x2A, 0, 2), Bench.block(6, 2))
        let units = [target(bench), target(bench, lun)]
        let there = list(units, [blocks(2, from: 0, to: 9, 0, 1)])
        let back = list(units, [blocks(2, from: 0, to: 9, 1, 0)])
        #expect(bench.send([0x16, 0, 0, 0, 0, 0], from: other, lun: lun).isGood)
        #expect(copy(bench, there).sense == 0x0A_0D02)
        #expect(copy(bench, back).sense == 0x0A_0D02)
        #expect(second.state.withLock { $0.bytes.allSatisfy { $0 == 0 } })
        #expect(bench.send([0x17, 0, 0, 0, 0, 0], from: other, lun: lun).isGood)
        #expect(bench.send([0x16, 0, 0, 0, 0, 0], lun: lun).isGood)
        #expect(copy(bench, there).isGood && copy(bench, back).isGood)
    }
}
