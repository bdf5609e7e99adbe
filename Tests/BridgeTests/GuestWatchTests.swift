import Testing

@testable import Bridge

@Suite struct GuestWatchTests {
    @Test func `leaves a guest alone that answers`() {
        var watch = GuestWatch(timeout: 10_000)
        #expect(watch.judge(now: 100_000, oldest: nil, lastAnswer: 0) == .fine)
        #expect(watch.judge(now: 100_000, oldest: 96_000, lastAnswer: 0) == .fine)
    }

    @Test func `gives up within the timeout where nothing answers`() {
        var watch = GuestWatch(timeout: 10_000)
        #expect(watch.judge(now: 5_001, oldest: 0, lastAnswer: 0) == .ask)
        #expect(watch.judge(now: 10_001, oldest: 0, lastAnswer: 0) == .fine)
        #expect(
            watch.judge(now: 10_002, oldest: 0, lastAnswer: 0)
                == .gone("it has answered nothing for 10 s"))
    }

    @Test func `waits for a slow disk while the guest lives`() {
        var watch = GuestWatch(timeout: 10_000)
        var now: Int64 = 5_001
        var lastAnswer: Int64 = 0
        while now < 290_000 {
            let verdict = watch.judge(now: now, oldest: 0, lastAnswer: lastAnswer)
            if verdict == .ask { lastAnswer = now + 10 }
            #expect(verdict == .ask || verdict == .fine)
            now += 500
        }
    }

    @Test func `does not wait for one call for ever`() {
        var watch = GuestWatch(timeout: 10_000)
        let late = GuestWatch.callLimit + 1
        #expect(
            watch.judge(now: late, oldest: 0, lastAnswer: late)
                == .gone("it left a call unanswered for 300 s"))
    }

    @Test func `starts afresh after the call was answered`() {
        var watch = GuestWatch(timeout: 10_000)
        #expect(watch.judge(now: 6_000, oldest: 0, lastAnswer: 0) == .ask)
        #expect(watch.judge(now: 7_000, oldest: nil, lastAnswer: 0) == .fine)
        #expect(watch.judge(now: 60_000, oldest: 50_000, lastAnswer: 0) == .ask)
    }
}
