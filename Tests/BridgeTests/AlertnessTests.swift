import Testing

@testable import Bridge

@Suite struct AlertnessTests {
    private func calm(processors: Int = 2) -> Alertness {
        var alertness = Alertness(longest: 500, processors: processors)
        for _ in 0..<20 { alertness.note(waited: 300) }
        return alertness
    }

    @Test func `calls that follow each other are waited for awake, but not the first ones`() {
        var alertness = Alertness(processors: 2)
        #expect(alertness.window == 0)
        for _ in 0..<7 { alertness.note(waited: 100_000) }
        #expect(alertness.window == 0)
        alertness.note(waited: 100_000)
        #expect(alertness.window == 320_000)
        for _ in 0..<9 { alertness.note(waited: 400_000) }
        #expect(alertness.window == 500_000)
    }

    @Test func `a call that comes late is not waited for, and one after a pause is a first one`() {
        var alertness = calm()
        #expect(alertness.window > 0)
        alertness.note(waited: 501)
        #expect(alertness.window == 0)
        alertness.note(waited: 300)
        #expect(alertness.window > 0)
        alertness.note(waited: 10_000_001)
        alertness.note(waited: 300)
        #expect(alertness.window == 0)
    }

    @Test func `several calls at once leave the processors to who carries them out`() {
        var alertness = calm()
        for _ in 0..<3 { alertness.noteSeveral() }
        #expect(alertness.window == 0)
        for _ in 0..<20 { alertness.note(waited: 300) }
        #expect(alertness.window > 0)
        alertness.noteSeveral()
        #expect(alertness.window > 0)
    }

    @Test func `on one processor nobody waits awake`() {
        #expect(calm(processors: 1).window == 0)
    }
}
