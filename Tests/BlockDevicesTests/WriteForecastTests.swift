import Testing

@testable import BlockDevices

/// What slow writes foretell; times in milliseconds.
@Suite struct WriteForecastTests {
    private let forecast = WriteForecast()

    private func write(at start: Int64, taking time: Int64) {
        forecast.note(began: start * 1_000_000, ended: (start + time) * 1_000_000)
    }

    private func isCalm(at time: Int64) -> Bool { forecast.isCalm(at: time * 1_000_000) }

    @Test func `quick writes foretell more of them`() {
        #expect(isCalm(at: 0))
        write(at: 1, taking: 1)
        #expect(isCalm(at: 3))
    }

    @Test func `a slow write rules out more for a while`() {
        write(at: 1000, taking: 5)
        #expect(!isCalm(at: 1006))
        #expect(isCalm(at: 1026))
    }

    @Test func `the while doubles while writes stay slow, up to seconds`() {
        var time: Int64 = 1000
        var pauses: [Int64] = []
        for _ in 0..<12 {
            write(at: time, taking: 5)
            let start = time + 5
            while !isCalm(at: time) { time += 1 }
            pauses.append(time - start)
        }
        #expect(pauses == [20, 40, 80, 160, 320, 640, 1280, 2560, 4000, 4000, 4000, 4000])
    }

    @Test func `a long calm is forgetful`() {
        write(at: 1000, taking: 5)
        write(at: 1025, taking: 5)
        #expect(!isCalm(at: 1060))
        write(at: 3000, taking: 5)
        #expect(isCalm(at: 3026))
    }
}
