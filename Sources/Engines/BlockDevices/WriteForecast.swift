import Synchronization

/// Whether the next write into the page cache is likely to wait, foreseen from the last ones.
///
/// Most file systems cannot be asked (`RWF_NOWAIT` of pwritev2(2) is for reads, but on XFS, Btrfs
/// and block devices). A write into the page cache takes microseconds, unless the kernel throttles
/// the writer (balance_dirty_pages) or the file system waits for its journal; then the next ones
/// will wait too. So one that took long rules out more for a while, which doubles as long as that
/// goes on. Any thread.
final class WriteForecast: Sendable {
    /// Until when writes are expected to wait, on the monotonic clock.
    private let calmAt = Atomic<Int64>(0)
    private let pause = Atomic<Int64>(0)

    /// A write that takes longer has waited; shorter times may be a processor's other work.
    private static let long: Int64 = 4_000_000
    private static let firstPause: Int64 = 20_000_000
    private static let longestPause: Int64 = 4_000_000_000
    /// Calm as many times as long as the last pause ends the doubling.
    private static let memory: Int64 = 16

    /// Whether a write that begins now (nanoseconds of the monotonic clock) may be tried.
    @inline(__always)
    func isCalm(at now: Int64) -> Bool { now >= calmAt.load(ordering: .relaxed) }

    /// Takes note of how long a write took, in nanoseconds.
    @inline(__always)
    func note(began: Int64, ended: Int64) {
        if ended - began >= Self.long { slow(began, ended) }
    }

    private func slow(_ began: Int64, _ ended: Int64) {
        let last = pause.load(ordering: .relaxed)
        let goesOn = began - calmAt.load(ordering: .relaxed) < last * Self.memory
        let next = goesOn ? min(last * 2, Self.longestPause) : Self.firstPause
        pause.store(next, ordering: .relaxed)
        calmAt.store(ended + next, ordering: .relaxed)
    }
}
