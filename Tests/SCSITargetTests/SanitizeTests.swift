import BlockDevice
import Foundation
import Platform
import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct SanitizeTests {
    private func overwrite(
        _ pattern: [UInt8], passes: UInt8 = 1, length: UInt16? = nil
    ) -> ([UInt8], [UInt8]) {
        let list = [passes, 0] + CDB.big(UInt64(length ?? UInt16(pattern.count)), 2) + pattern
        return ([0x48, 1, 0, 0, 0, 0, 0] + CDB.big(UInt64(list.count), 2) + [0], list)
    }

    @Test(arguments: [512, 256, 4, 3]) func `a pattern fills every block from its first byte`(
        size: Int
    ) throws {
        let bench = try Bench(TestDevice(blocks: 5000))
        let pattern = (0..<size).map { UInt8(truncatingIfNeeded: $0 + 1) }
        let (cdb, list) = overwrite(pattern)
        #expect(bench.send(cdb, list).isGood)
        let block = (0..<512).map { pattern[$0 % size] }
        for address in [0, 1, 2047, 2048, 4999] { #expect(bench.content(address) == block) }
        #expect(bench.device.state.withLock { $0.flushes } == 1)
    }

    @Test func `passes alternate with INVERT, and the last is the pattern`() throws {
        let bench = try Bench()
        let (cdb, list) = overwrite([0x0F], passes: 0x82)
        #expect(bench.send(cdb, list).isGood)
        #expect(bench.content(0) == Bench.block(0x0F))
    }

    @Test func `wrong lists are refused, and nothing is overwritten`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 1), Bench.block(0x61))
        for length: UInt8 in 0..<5 {
            let cdb: [UInt8] = [0x48, 1, 0, 0, 0, 0, 0, 0, length, 0]
            #expect(bench.send(cdb, Array([1, 0, 0, 1].prefix(Int(length)))).sense == 0x05_2400)
        }
        let block = Bench.block(0xAA)
        let wrong = [
            overwrite(block + [0]), overwrite(block, passes: 0), overwrite(block, length: 0),
            overwrite(block, length: 516), overwrite(block, length: 100),
        ]
        for (cdb, list) in wrong {
            let sense = bench.send(cdb, list).sense
            #expect(sense == 0x05_2400 || sense == 0x05_2600)
        }
        #expect(bench.content(0) == Bench.block(0x61))
    }

    @Test func `a block erase gives all blocks back`() throws {
        let bench = try Bench()
        bench.send(CDB.ten(0x2A, 0, 256), Bench.block(1, 256))
        #expect(bench.send([0x48, 2, 0, 0, 0, 0, 0, 0, 0, 0]).isGood)
        let status = bench.send(CDB.sixteen(0x9E, 0, 256, flags: 0x12)).data
        #expect(Array(status[8...]) == CDB.big(0, 8) + CDB.big(1024, 4) + [1, 0, 0, 0])
        #expect(bench.content(0, 1024).allSatisfy { $0 == 0 })
        #expect(bench.send(CDB.inquiry(page: 0xB1)).data[7] == 0x40)
    }

    @Test func `other services, and lengths and reserved bits where none belong, are refused`()
        throws
    {
        let bench = try Bench()
        for action: UInt8 in 0..<31 where action != 1 && action != 2 {
            #expect(bench.send([0x48, action, 0, 0, 0, 0, 0, 0, 0, 0]).sense == 0x05_2400)
        }
        for action: UInt8 in [2, 31] {
            let list = [UInt8](repeating: 0, count: 8)
            #expect(bench.send([0x48, action, 0, 0, 0, 0, 0, 0, 8, 0], list).sense == 0x05_2400)
        }
        for place in 2..<7 {
            var cdb: [UInt8] = [0x48, 2, 0, 0, 0, 0, 0, 0, 0, 0]
            cdb[place] = 1
            #expect(bench.send(cdb).sense == 0x05_2400)
        }
        #expect(bench.send([0x48, 0x42, 0, 0, 0, 0, 0, 0, 0, 0]).sense == 0x05_2400)
        #expect(bench.send([0x48, 31, 0, 0, 0, 0, 0, 0, 0, 0]).isGood)
    }

    @Test func `with IMMED the work goes on, tells its progress and shuts the disk`() throws {
        let works = Works()
        let target = SCSITarget(name: "iqn.2026-11.example:disk") { works.add($0) }
        try target.add(
            SCSIUnitConfiguration(device: TestDevice(), identity: "x"), lun: Bench.lun)
        let nexus = Bench.attach(target, 1)
        #expect(Bench.run(target, nexus, [0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]).isGood)
        let shut: [[UInt8]] = [[0x00], CDB.ten(0x28, 0, 1), [0x1B, 1, 0, 0, 2, 0], [0x48, 2]]
        for cdb in shut { #expect(Bench.run(target, nexus, cdb).sense == 0x02_041B) }
        #expect(Bench.run(target, nexus, CDB.inquiry()).isGood)
        let sense = Bench.run(target, nexus, [0x03, 0, 0, 0, 252]).data
        #expect(Bench.sense(sense) == 0x02_041B && sense[15] & 0x80 != 0)
        target.reset(.targetWarm, by: nexus)
        _ = Bench.run(target, nexus, [0x00])
        #expect(Bench.run(target, nexus, [0x00]).sense == 0x02_041B)
        works.run()
        #expect(Bench.run(target, nexus, [0x00]).isGood)
    }

    @Test(arguments: 0..<3) func `a command that is aborted returns, and the work goes on`(
        how: Int
    ) throws {
        let works = Works()
        let target = SCSITarget(name: "iqn.2026-11.example:disk") { works.add($0) }
        try target.add(
            SCSIUnitConfiguration(device: TestDevice(), identity: "x"), lun: Bench.lun)
        let nexus = Bench.attach(target, 1)
        let other = Bench.attach(target, 2)
        let returned = Gate()
        Thread.detachNewThread {
            let answer = Bench.run(target, nexus, [0x48, 2, 0, 0, 0, 0, 0, 0, 0, 0])
            #expect(answer.sense == 0x0B_0000)
            returned.open()
        }
        #expect(works.added.wait())
        target.abandon(other)
        switch how {
        case 0: target.abandon(nexus, lun: Bench.lun)
        case 1: target.detach(nexus)
        default: target.reset(.targetWarm, by: other)
        }
        #expect(returned.wait())
        if how == 2 { #expect(Bench.run(target, other, [0x00]).sense == 0x06_2903) }
        #expect(Bench.run(target, other, [0x00]).sense == 0x02_041B)
        works.run()
        #expect(Bench.run(target, other, [0x00]).isGood)
    }

    @Test func `a sanitize that failed is left only as it was begun`() throws {
        for (flags, opens) in [(UInt8(0x00), false), (0x20, true)] {
            let bench = try Bench()
            let range = BlockRange(offset: 0, length: 512)
            let error = BlockError.medium(range, SystemError(errno: 5, call: "pwrite"))
            bench.device.state.withLock { $0.writeError = error }
            #expect(bench.send([0x48, flags | 2, 0, 0, 0, 0, 0, 0, 0, 0]).sense == 0x03_3103)
            bench.device.state.withLock { $0.writeError = nil }
            #expect(bench.send(CDB.ten(0x28, 0, 1)).sense == 0x03_3103)
            #expect(bench.send([0x48, 31, 0, 0, 0, 0, 0, 0, 0, 0]).isGood == opens)
            #expect(bench.send(CDB.ten(0x28, 0, 1)).isGood == opens)
            #expect(bench.send([0x48, 2, 0, 0, 0, 0, 0, 0, 0, 0]).isGood)
            #expect(bench.send(CDB.ten(0x28, 0, 1)).isGood)
        }
    }

    @Test func `overwriting keeps its pace`() throws {
        let bench = try Bench(TestDevice(blocks: 8192)) { $0.sanitizeRate = 40 << 20 }
        let start = Clock.milliseconds()
        let (cdb, list) = overwrite([0])
        #expect(bench.send(cdb, list).isGood)
        #expect(Clock.milliseconds() - start >= 90)
    }
}

/// Work that waits until it is told to run.
final class Works: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])

    /// Opens with the first work.
    let added = Gate()

    func add(_ work: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(work) }
        added.open()
    }

    func run() {
        let works = waiting.withLock { works in
            defer { works = [] }
            return works
        }
        for work in works { work() }
    }
}
