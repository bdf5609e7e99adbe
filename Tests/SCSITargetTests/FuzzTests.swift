import SCSITarget
import SCSIWire
import Synchronization
import Testing

/// Commands that nobody sane sends: they end, in bounded time and space, and the unit goes on.
@Suite struct FuzzTests {
    @Test(arguments: 0..<8) func `random commands with random data end`(seed: UInt64) throws {
        var random = Random(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        let bench = try Bench(TestDevice(blocks: 300)) {
            $0.isRemovable = true
            $0.atomicLimit = 8
        }
        let other = bench.another()
        let rows = SCSICommandTable.all
        for _ in 0..<4000 {
            let cdb = command(rows, &random)
            let size = [0, 1, 8, 24, 512, 1024, Int(random.next() % 3000)][Int(random.next() % 7)]
            let data = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next() >> 60) }
            let nexus = random.next() % 3 == 0 ? other : bench.nexus
            let take = Int(random.next() % 5000)
            let answer = bench.send(cdb, data, from: nexus, take: take)
            #expect([0, 2, 0x18].contains(answer.status))
            #expect((answer.status == 2) == (answer.sense != nil))
            if answer.status != 0 { #expect(answer.count == 0) }
        }
        bench.target.reset(.targetWarm, by: nil)
        #expect(bench.send([0x00]).status == SCSIStatus.checkCondition)
        #expect(bench.send(CDB.inquiry()).isGood)
    }

    /// Mostly commands that exist, with a few fields turned into anything.
    private func command(_ rows: [SCSICommandDescription], _ random: inout Random) -> [UInt8] {
        if random.next() % 8 == 0 {
            return (0..<16).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        }
        let row = rows[Int(random.next() % UInt64(rows.count))]
        var cdb = row.usage
        for index in 1..<cdb.count {
            let isAction = index == 1 && row.serviceAction != nil
            switch random.next() % 4 {
            case 0 where !isAction: cdb[index] &= UInt8(truncatingIfNeeded: random.next())
            case 1 where random.next() % 16 == 0:
                cdb[index] = UInt8(truncatingIfNeeded: random.next())
            default: cdb[index] = isAction ? cdb[index] & 0x1F : 0
            }
        }
        return cdb
    }

    @Test func `what a task wants and has is bounded, whatever is asked`() throws {
        var random = Random(state: 7)
        let bench = try Bench(TestDevice(blocks: 1 << 17))
        for _ in 0..<20_000 {
            let cdb = command(SCSICommandTable.all, &random)
            let task = bench.target.prepare(
                SCSIRequest(lun: Bench.lun, cdb: cdb, expectedOut: 512), nexus: bench.nexus)
            #expect(task.dataOut >= 0 && task.dataOut <= 16 << 20)
            #expect(task.dataIn >= 0 && task.dataIn <= 16 << 20)
            if task.isRefused { #expect(task.dataIn == 0 && task.dataOut == 0) }
        }
    }

    /// xorshift64*: the same numbers in every run.
    struct Random {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_F491_4F6C_DD1D >> 3
        }
    }
}
