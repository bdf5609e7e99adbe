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

    @Test func `random bytes differ`() {
        #expect(Host.randomBytes(16).count == 16)
        #expect(Host.randomBytes(16) != Host.randomBytes(16))
    }
}
