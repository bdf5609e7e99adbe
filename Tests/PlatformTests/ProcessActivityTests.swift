import Platform
import Testing

@Suite struct ProcessActivityTests {
    @Test func `a busy process uses the processor, also one below another`() throws {
        let shell = try ChildProcess(
            SpawnOptions(
                path: "/bin/sh", arguments: ["-c", "(while :; do :; done) & wait"],
                diesWithParent: true))
        defer { _ = try? shell.killAndWait() }
        let before = try #require(ProcessActivity(of: shell.id))
        let end = Clock.milliseconds() + 60_000
        var isBusy = false
        while !isBusy, Clock.milliseconds() < end {
            let now = try #require(ProcessActivity(of: shell.id))
            isBusy = now.ticks > before.ticks + 5
            _ = try Descriptors.poll([], milliseconds: 20)
        }
        #expect(isBusy)
        // The loop is its own: it must end with the test.
        let kill = "kill -9 $(cat /proc/\(shell.id)/task/\(shell.id)/children)"
        _ = try ChildProcess.run(SpawnOptions(path: "/bin/sh", arguments: ["-c", kill]))
    }

    @Test func `a stopped process does nothing`() throws {
        let child = try ChildProcess(SpawnOptions(path: "/bin/sleep", arguments: ["600"]))
        defer { _ = try? child.killAndWait() }
        child.signal(19)
        var last: ProcessActivity?
        // Until it has come to a stop.
        let end = Clock.milliseconds() + 60_000
        while Clock.milliseconds() < end {
            let now = try #require(ProcessActivity(of: child.id))
            _ = try Descriptors.poll([], milliseconds: 100)
            if now == last { break }
            last = now
        }
        #expect(last != nil && ProcessActivity(of: child.id) == last)
        #expect(last?.waitsForDisk == false)
    }

    @Test func `of a process that is gone nothing is known`() throws {
        let child = try ChildProcess(SpawnOptions(path: "/bin/true", arguments: []))
        _ = try child.wait()
        #expect(ProcessActivity(of: child.id) == nil)
    }
}
