import Testing

@testable import Appliance

@Suite struct ToolTests {
    @Test func `a failing program's last lines are in the error`() {
        let error = #expect(throws: ApplianceError.self) {
            try Tool.run("sh", ["-c", "seq 1 100; echo why >&2; exit 3"], package: "dash")
        }
        #expect(error?.cause.contains("exit code 3") == true)
        #expect(error?.cause.hasSuffix("99\n100\nwhy") == true)
        #expect(error?.cause.contains("\n50\n") == false)
    }

    @Test func `a program that hangs is killed`() {
        let error = #expect(throws: ApplianceError.self) {
            try Tool.run(
                "sh", ["-c", "exec cat /dev/zero > /dev/null"], package: "dash", milliseconds: 50)
        }
        #expect(error?.cause.contains("did not end") == true)
    }

    @Test func `a missing program names its package`() {
        let error = #expect(throws: ApplianceError.self) {
            try Tool.require([
                ("sh", "dash"), ("no-such-program", "some-package"), ("nor-this", "another"),
            ])
        }
        #expect(error?.remedy.contains("apt-get install another some-package") == true)
        #expect(throws: ApplianceError.self) {
            try Tool.run("no-such-program", [], package: "some-package")
        }
    }

    @Test func `nothing of the caller's environment reaches a program`() throws {
        let lines = try Tool.output("env", [], package: "coreutils")
        #expect(Set(lines) == Set(Tool.environment))
    }

    @Test func `lines are cut wherever the pipe cut them, and bounded`() {
        var splitter = LineSplitter()
        var lines: [String] = []
        for part in ["a", "b\nc", "\n\n", "d"] {
            splitter.take(Array(part.utf8)) { lines.append($0) }
        }
        splitter.take([]) { lines.append($0) }
        #expect(lines == ["ab", "c", "", "d"])
        splitter.take(Array(repeating: 0x61, count: 100_000) + [0x0a]) { lines.append($0) }
        #expect(lines.last?.utf8.count == Tool.Limits.line)
        #expect(splitter.tail.count <= Tool.Limits.tail)
    }
}
