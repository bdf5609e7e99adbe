import Dispatch
import Platform
import Synchronization
import Testing

@testable import BlockDevices

@Suite struct SyncTurnsTests {
    /// Syncs that a test lets end one by one.
    private final class Syncs: Sendable {
        let turns = SyncTurns()
        let begun = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        let done = DispatchSemaphore(value: 0)
        let running = Atomic(0)
        let most = Atomic(0)
        let count = Atomic(0)

        /// Asks for a sync on a thread of its own.
        func ask() {
            Thread.run { [self] in
                turns.sync {
                    let now = running.add(1, ordering: .relaxed).newValue
                    most.max(now, ordering: .relaxed)
                    count.add(1, ordering: .relaxed)
                    begun.signal()
                    gate.wait()
                    running.subtract(1, ordering: .relaxed)
                }
                done.signal()
            }
        }

        func hasEnded() -> Bool { done.wait(timeout: .now() + 20) == .success }
        var isQuiet: Bool { done.wait(timeout: .now() + 0.3) == .timedOut }
    }

    private enum Thread {
        static func run(_ body: @escaping @Sendable () -> Void) {
            guard (try? WorkerThread.start(body)) != nil else { return body() }
        }
    }

    @Test func `who comes while a sync runs shares the next one, and no other`() {
        let syncs = Syncs()
        syncs.ask()
        syncs.begun.wait()
        for _ in 0..<5 { syncs.ask() }
        // What began before they came proves nothing to them.
        #expect(syncs.isQuiet)
        syncs.gate.signal()
        #expect(syncs.hasEnded())
        syncs.begun.wait()
        #expect(syncs.isQuiet)
        syncs.gate.signal()
        for _ in 0..<5 { #expect(syncs.hasEnded()) }
        #expect(syncs.count.load(ordering: .relaxed) == 2)
        #expect(syncs.most.load(ordering: .relaxed) == 1)
    }

    @Test func `a sync ends after the forced writes that ran beside it`() {
        let syncs = Syncs()
        let (gate, inside) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.run {
            syncs.turns.force {
                inside.signal()
                gate.wait()
            }
        }
        inside.wait()
        syncs.ask()
        syncs.begun.wait()
        syncs.gate.signal()
        #expect(syncs.isQuiet)
        gate.signal()
        #expect(syncs.hasEnded())
    }

    @Test func `a failure that a sync notes is seen by all who shared it`() {
        let turns = SyncTurns()
        let hasFailed = Atomic(false)
        let wrong = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<200 {
                let failedBefore = hasFailed.load(ordering: .acquiring)
                turns.sync {
                    // Told once, as the kernel does.
                    hasFailed.store(true, ordering: .releasing)
                }
                if !failedBefore, !hasFailed.load(ordering: .acquiring) {
                    wrong.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }
}
