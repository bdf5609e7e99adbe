/// Requests whose process has got a signal while it waited for the answer.
///
/// The kernel lets not even SIGKILL end a process whose request the bridge has taken. Signals also
/// come to processes that want to go on, which expect no EINTR from a file that is merely slow. So
/// a request ends early only when it goes unanswered for long after the signal; one that was
/// answered meanwhile is no longer known to the kernel, which then ignores this. One thread.
///
/// Source: the kernel's Documentation/filesystems/fuse.rst, "Interrupting filesystem operations".
struct Interrupts {
    /// How long after a signal a request may still be answered, in milliseconds.
    static let patience: Int64 = 10_000
    /// Most requests that are remembered; the oldest are forgotten first.
    static let limit = 4096

    private var waiting: [(due: Int64, unique: UInt64)] = []

    /// Remembers a request; `now` is in monotonic milliseconds.
    mutating func add(_ unique: UInt64, now: Int64) {
        if waiting.count >= Self.limit { waiting.removeFirst(Self.limit / 2) }
        waiting.append((now + Self.patience, unique))
    }

    /// Takes out the requests whose time is up.
    mutating func takeDue(now: Int64) -> [UInt64] {
        guard let first = waiting.first, first.due <= now else { return [] }
        let count = waiting.firstIndex { $0.due > now } ?? waiting.count
        defer { waiting.removeFirst(count) }
        return waiting[..<count].map(\.unique)
    }
}
