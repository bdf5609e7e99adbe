import Platform
import Synchronization
import Testing

@Suite struct ByteBudgetTests {
    private final class Woken: Sendable {
        let names = Mutex<[String]>([])
        func note(_ name: String) { names.withLock { $0.append(name) } }
        var all: [String] { names.withLock { $0 } }
    }

    @Test func `no more is taken than there is`() {
        let budget = ByteBudget(limit: 100)
        #expect(budget.take(60) && !budget.take(50) && budget.take(40))
        #expect(budget.used == 100 && budget.isTight)
        budget.give(50)
        #expect(budget.take(50) && !budget.isShort)
    }

    @Test func `who waits goes on in order, and nobody overtakes`() {
        let (budget, woken) = (ByteBudget(limit: 100), Woken())
        #expect(budget.take(90))
        _ = budget.wait(50) { woken.note("first") }
        _ = budget.wait(10) { woken.note("second") }
        #expect(!budget.take(1) && budget.isShort && woken.all.isEmpty)
        budget.give(20)
        #expect(woken.all.isEmpty)
        budget.give(30)
        #expect(woken.all == ["first", "second"] && budget.used == 100)
    }

    @Test func `who gives up waiting lets the next go on`() {
        let (budget, woken) = (ByteBudget(limit: 100), Woken())
        budget.force(60)
        let first = budget.wait(70) { woken.note("first") }
        let second = budget.wait(40) { woken.note("second") }
        #expect(budget.cancel(first))
        #expect(woken.all == ["second"] && !budget.cancel(second) && budget.used == 100)
    }

    @Test func `what is larger than the budget gets its turn`() {
        let budget = ByteBudget(limit: 100)
        #expect(budget.take(1000) && !budget.take(1))
        budget.give(1000)
        #expect(budget.used == 0 && budget.take(100))
    }

    @Test func `what comes unasked may take a quarter more, and then counts as short`() {
        let budget = ByteBudget(limit: 100)
        budget.force(100)
        #expect(budget.mayForce(25) && !budget.isShort)
        #expect(!budget.mayForce(26) && budget.isShort)
        budget.force(25)
        #expect(budget.mayForce(0) && !budget.mayForce(1))
    }

    @Test func `what is kept has a bound of its own`() {
        let budget = ByteBudget(limit: 100)
        #expect(budget.keep(25) && !budget.keep(1))
        budget.release(25)
        #expect(budget.keep(1) && budget.used == 0)
    }

    @Test func `bytes count as unsent until a mark behind them has left`() {
        var unsent = UnsentBytes()
        let first = unsent.sent(100, isTaken: true)
        #expect(!first && unsent.count == 0)
        let second = unsent.sent(100, isTaken: false)
        let third = unsent.sent(50, isTaken: false)
        #expect(second && !third && unsent.count == 150)
        let again = unsent.markLeft()
        #expect(again && unsent.count == 50)
        let last = unsent.markLeft()
        #expect(!last && unsent.count == 0)
    }
}
