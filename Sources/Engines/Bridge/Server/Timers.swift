/// Things to do at a later time.
///
/// One thread.
struct Timers {
    private var waiting: [(due: Int64, action: () -> Void)] = []

    /// Does something at a time, in monotonic milliseconds.
    mutating func add(due: Int64, _ action: @escaping () -> Void) {
        let place = waiting.firstIndex { $0.due > due } ?? waiting.count
        waiting.insert((due, action), at: place)
    }

    /// Takes out what is due.
    mutating func takeDue(now: Int64) -> [() -> Void] {
        let count = waiting.firstIndex { $0.due > now } ?? waiting.count
        defer { waiting.removeFirst(count) }
        return waiting[..<count].map(\.action)
    }

    /// When the next thing is due.
    var next: Int64? { waiting.first?.due }
}
