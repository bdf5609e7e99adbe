import Platform
import Testing

@testable import Sessions

@Suite struct StallWatchTests {
    private let idle = ProcessActivity(switches: 7)

    /// Whether each look, so many seconds after the start, finds a stall.
    private func judge(
        limit: Int64, _ looks: [(second: Int64, machine: UInt64?, writer: ProcessActivity?)]
    ) -> [Bool] {
        var judge = StallJudge(limit: limit * 1000, now: 0)
        return looks.map { look in
            judge.isStalled(
                now: look.second * 1000, machine: look.machine.map { ProcessActivity(ticks: $0) },
                writers: [look.writer])
        }
    }

    @Test func `an idle machine over idle writers is stalled after the limit`() {
        // Its clock uses a tick now and then.
        let found = judge(
            limit: 30, [(10, 1, idle), (20, 2, idle), (30, 3, idle), (40, 4, idle)])
        #expect(found == [false, false, false, true])
    }

    @Test func `whatever writes, computes or waits for a disk is not stalled`() {
        let waits = ProcessActivity(switches: 7, waitsForDisk: true)
        let steps = (1...50).map { Int64($0) }
        for looks in [
            steps.map { ($0 * 10, 0, ProcessActivity(switches: UInt64($0))) },
            steps.map { ($0 * 10, 0, waits) },
            steps.map { ($0 * 10, UInt64($0) * 50, idle) },
        ] {
            #expect(!judge(limit: 20, looks).contains(true))
        }
    }

    @Test func `what has ended, or cannot be looked at, is not stalled`() {
        let found = judge(
            limit: 20,
            [
                (10, 0, idle), (20, 0, idle), (40, 0, nil), (60, nil, idle), (70, 0, idle),
                (90, 0, idle),
            ])
        #expect(found == [false, false, false, false, false, true])
    }

    @Test func `processes that get nowhere are killed, and it is told`() throws {
        let writer = try ChildProcess(SpawnOptions(path: "/bin/sleep", arguments: ["600"]))
        let helper = try ChildProcess(SpawnOptions(path: "/bin/sleep", arguments: ["600"]))
        let watch = StallWatch(
            machine: nil, writers: [writer], helpers: [helper], interval: 20, limit: 100)
        #expect(try writer.wait(milliseconds: 60_000) == .signaled(9))
        #expect(try helper.wait(milliseconds: 60_000) == .signaled(9))
        #expect(watch.stop())
    }

    @Test func `a watch that was ended kills nobody`() throws {
        let writer = try ChildProcess(SpawnOptions(path: "/bin/sleep", arguments: ["600"]))
        let watch = StallWatch(
            machine: nil, writers: [writer], helpers: [], interval: 5000, limit: 100)
        #expect(!watch.stop())
        #expect(try writer.wait(milliseconds: 500) == nil)
        try writer.killAndWait()
    }
}
