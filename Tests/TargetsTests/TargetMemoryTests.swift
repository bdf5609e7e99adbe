import Testing

@testable import Targets

@Suite struct TargetMemoryTests {
    @Test func `clients of a guest share a quarter of it, and no more than half of what is free`() {
        let facts = "MemTotal:         240000 kB\nMemFree: 1 kB\nMemAvailable:     200000 kB\n"
        #expect(TargetMemory.share(ofGuest: facts) == 60_000 << 10)
        let full = "MemTotal:         240000 kB\nMemAvailable:     40000 kB\n"
        #expect(TargetMemory.share(ofGuest: full) == 20_000 << 10)
        #expect(TargetMemory.share(ofGuest: "") == 8 << 20)
        #expect(TargetMemory.share(ofGuest: "MemTotal: 64000000 kB\n") == 512 << 20)
    }
}
