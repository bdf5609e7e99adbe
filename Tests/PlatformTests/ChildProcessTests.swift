import Glibc
import Platform
import Testing

private func shell(
    _ script: String, descriptors: [Int32] = [-1, -1, -1],
    environment: [String] = ["PATH=/usr/bin:/bin"]
) -> SpawnOptions {
    SpawnOptions(
        path: "/bin/sh", arguments: ["-c", script], environment: environment,
        descriptors: descriptors)
}

@Suite struct ChildProcessTests {
    @Test func `reports exit codes and signals`() throws {
        #expect(try ChildProcess(shell("exit 7")).wait() == .exited(7))
        #expect(try ChildProcess(shell("kill -9 $$")).wait() == .signaled(SIGKILL))
        #expect(ProcessEnd.exited(0).isSuccess)
        #expect(!ProcessEnd.signaled(9).isSuccess)
    }

    @Test func `throws where the program does not exist`() {
        let error = #expect(throws: SystemError.self) {
            try ChildProcess(SpawnOptions(path: "/nonexistent", arguments: []))
        }
        #expect(error?.errno == ENOENT)
        #expect(error?.call == "start /nonexistent")
    }

    @Test func `inherits no environment and no descriptor but those named`() throws {
        let secret = try Files.open("/dev/null", .readOnly)
        let script = "env | grep -vE '^(PWD|SHLVL|_)='; ls /proc/$$/fd"
        let (end, output) = try ChildProcess.run(
            shell(script, environment: ["PATH=/usr/bin:/bin", "A=b"]))
        #expect(end.isSuccess)
        let text = String(decoding: output, as: UTF8.self)
        #expect(text.contains("A=b"))
        #expect(!text.contains("HOME="))
        #expect(text.hasSuffix("\n0\n1\n2\n"))
        #expect(secret.raw > 2)
    }

    @Test func `passes descriptors in the order named`() throws {
        let (reader, writer) = try Descriptors.pipe()
        let (other, otherWriter) = try Descriptors.pipe()
        let child = try ChildProcess(
            shell(
                "echo first >&3; echo second >&4",
                descriptors: [-1, -1, -1, writer.raw, otherWriter.raw]))
        #expect(try child.wait() == .exited(0))
        #expect(try Descriptors.readSome(reader.raw, limit: 64) == Array("first\n".utf8))
        #expect(try Descriptors.readSome(other.raw, limit: 64) == Array("second\n".utf8))
    }

    @Test func `passes descriptors whose numbers overlap their places`() throws {
        let (reader, writer) = try Descriptors.pipe()
        let child = try ChildProcess(
            shell("echo x >&2", descriptors: [writer.raw, reader.raw, writer.raw]))
        #expect(try child.wait() == .exited(0))
        #expect(try Descriptors.readSome(reader.raw, limit: 64) == Array("x\n".utf8))
    }

    @Test func `run kills a program that exceeds its time`() throws {
        let before = Clock.milliseconds()
        let (end, output) = try ChildProcess.run(
            shell("echo begun; exec sleep 600"), milliseconds: 5000)
        #expect(end == .signaled(SIGKILL))
        #expect(output == Array("begun\n".utf8))
        // Long before it would have ended by itself.
        #expect(Clock.milliseconds() - before < 300_000)
    }

    @Test func `run keeps no more output than the limit`() throws {
        let (end, output) = try ChildProcess.run(
            shell("head -c 1000000 /dev/zero"), outputLimit: 200_000)
        #expect(end.isSuccess)
        #expect(output.count <= 200_000)
    }

    @Test func `run keeps standard error apart unless asked`() throws {
        let script = "echo out; echo err >&2"
        #expect(try ChildProcess.run(shell(script)).output == Array("out\n".utf8))
        let merged = try ChildProcess.run(shell(script), mergeErrors: true).output
        #expect(merged == Array("out\nerr\n".utf8))
    }

    @Test func `wait returns nil while the process runs`() throws {
        let child = try ChildProcess(shell("exec sleep 60"))
        #expect(try child.wait(milliseconds: 0) == nil)
        #expect(Host.isAlive(child.id))
        #expect(try child.killAndWait() == .signaled(SIGKILL))
        child.signal(SIGTERM)
    }

    @Test func `an end is told as often as it is asked for`() throws {
        let child = try ChildProcess(shell("exit 3"))
        for _ in 0..<3 { #expect(try child.wait() == .exited(3)) }
        #expect(try child.wait(milliseconds: 0) == .exited(3))
        #expect(try child.killAndWait() == .exited(3))
    }

    @Test func `a guard ends as its program does`() throws {
        for (script, end) in [("exit 7", ProcessEnd.exited(7)), ("kill -6 $$", .signaled(6))] {
            var options = SpawnOptions(
                path: "/bin/sh", arguments: ["-c", script], diesWithParent: true)
            options.isGuarded = true
            options.forbidsCoreDumps = true
            #expect(try ChildProcess(options).wait(milliseconds: 60_000) == end)
        }
        var missing = SpawnOptions(path: "/no/such/program", arguments: [])
        missing.isGuarded = true
        #expect(throws: SystemError.self) { try ChildProcess(missing) }
    }

    /// The number that a script prints first.
    private func firstNumber(from reader: OwnedFD) throws -> Int32 {
        let bytes = try Descriptors.readExactly(
            reader.raw, count: 8, deadlineMilliseconds: Clock.milliseconds() + 60_000)
        return try #require(Int32(String(decoding: bytes, as: UTF8.self).drop { $0 == "0" }))
    }

    @Test(arguments: [false, true])
    func `what a program leaves behind ends with it, or with who started it`(
        isKilled: Bool
    ) throws {
        let (reader, writer) = try Descriptors.pipe()
        let (leave, leaver) = try Descriptors.pipe()
        // In the background, in a session of its own: nothing else would end it.
        let script = "setsid sleep 600 & printf '%08d' $!; [ $0 = stay ] && wait; read word; exit 0"
        var options = SpawnOptions(
            path: "/bin/sh", arguments: ["-c", script, isKilled ? "stay" : "go"],
            descriptors: [leave.raw, writer.raw, -1], diesWithParent: true)
        options.isGuarded = true
        let child = try withExtendedLifetime((leave, writer)) { try ChildProcess(options) }
        // Only now may it end, so that its number still means it here.
        let left = try ProcessHandle(try firstNumber(from: reader))
        if isKilled { child.signal(15) } else { try Files.writeAll([10], to: leaver.raw) }
        #expect(try left.waitForEnd(milliseconds: 60_000))
        #expect(try child.wait(milliseconds: 60_000) == (isKilled ? .signaled(9) : .exited(0)))
    }
}
