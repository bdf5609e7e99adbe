import BlockDevice
import Foundation
import Platform
import SCSITarget
import SCSIWire
import Synchronization
import Testing

@Suite struct RangeLockTests {
    @Test func `a write waits for a COMPARE AND WRITE on its blocks, and no other does`() throws {
        let bench = try Bench()
        let (inside, go, compared, written) = (Gate(), Gate(), Gate(), Gate())
        bench.device.state.withLock { state in
            state.duringRead = {
                inside.open()
                #expect(go.wait())
            }
        }
        Thread.detachNewThread {
            let data = Bench.block(0) + Bench.block(1)
            #expect(bench.send(CDB.compareAndWrite(4, 1), data).isGood)
            compared.open()
        }
        #expect(inside.wait())
        bench.device.state.withLock { $0.duringRead = nil }
        // Elsewhere nothing waits; on the block itself nothing can be done without waiting.
        #expect(bench.send(CDB.ten(0x2A, 5, 1), Bench.block(7)).isGood)
        #expect(now(bench, CDB.ten(0x28, 5, 1)) != nil)
        #expect(now(bench, CDB.ten(0x28, 4, 1)) == nil)
        Thread.detachNewThread {
            #expect(bench.send(CDB.ten(0x2A, 4, 1), Bench.block(9)).isGood)
            written.open()
        }
        go.open()
        #expect(compared.wait())
        #expect(written.wait())
        #expect(bench.content(4) == Bench.block(9))
        #expect(now(bench, CDB.ten(0x28, 4, 1)) != nil)
    }

    private func now(_ bench: Bench, _ cdb: [UInt8]) -> SCSIOutcome? {
        let task = bench.target.prepare(
            SCSIRequest(lun: Bench.lun, cdb: cdb, expectedIn: 512), nexus: bench.nexus)
        var buffer = Bench.block(0)
        return buffer.withUnsafeMutableBytes { bench.target.performNow(task, dataIn: $0) }
    }

    @Test func `counters that many raise by COMPARE AND WRITE lose no step`() async throws {
        let bench = try Bench()
        let rounds = 200
        await withTaskGroup(of: Void.self) { group in
            for session in 2..<6 {
                group.addTask {
                    await bench.inThread { bench in
                        let nexus = bench.another(UInt64(session))
                        var raised = 0
                        while raised < rounds {
                            let old = bench.send(CDB.ten(0x28, 0, 1), from: nexus).data
                            var new = old
                            let value = (UInt16(old[0]) << 8 | UInt16(old[1])) + 1
                            new[0] = UInt8(value >> 8)
                            new[1] = UInt8(truncatingIfNeeded: value)
                            let answer = bench.send(
                                CDB.compareAndWrite(0, 1), old + new, from: nexus)
                            if answer.isGood { raised += 1 }
                        }
                    }
                }
            }
        }
        let content = bench.content(0)
        #expect(Int(content[0]) << 8 | Int(content[1]) == 4 * rounds)
    }

    @Test func `bits that many set by ORWRITE are all set`() async throws {
        let bench = try Bench()
        await withTaskGroup(of: Void.self) { group in
            for bit in 0..<8 {
                group.addTask {
                    await bench.inThread { bench in
                        for block in 0..<64 {
                            bench.send(
                                CDB.sixteen(0x8B, UInt64(block), 1), Bench.block(1 << bit))
                        }
                    }
                }
            }
        }
        #expect(bench.content(0, 64) == Bench.block(0xFF, 64))
    }
}

/// Opens once, for all that wait.
final class Gate: Sendable {
    private let isOpen = Condition(false)

    func open() { isOpen.change { $0 = true } }

    /// False where it stays shut for too long.
    func wait() -> Bool {
        isOpen.wait(milliseconds: 60_000) { isOpen in isOpen ? true : nil } ?? false
    }
}

extension Bench {
    /// Runs something that may block on a thread of its own.
    func inThread<Result: Sendable>(
        _ body: @escaping @Sendable (Bench) -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body(self)) }
        }
    }
}
