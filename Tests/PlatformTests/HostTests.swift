import Platform
import Testing

@Suite struct HostTests {
    @Test func `time runs forwards`() {
        let first = Clock.nanoseconds()
        let second = Clock.nanoseconds()
        #expect(second >= first)
        #expect(Clock.wallSeconds() > 1_600_000_000)
    }

    @Test func `knows this process`() throws {
        #expect(Host.isAlive(Host.process))
        #expect(!Host.isAlive(Int32.max))
        #expect(try Files.isExecutable(Host.executable()))
    }

    @Test func `processors are those that this process may run on`() throws {
        let status = try Files.readText("/proc/self/status", limit: 64 << 10)
        let lines = status.split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("Cpus_allowed:") })
        let mask = line.split(separator: "\t")[1].filter { $0 != "," }
        #expect(Host.processors == mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) })
    }

    @Test func `random bytes differ`() {
        #expect(Host.randomBytes(16).count == 16)
        #expect(Host.randomBytes(16) != Host.randomBytes(16))
    }
}
