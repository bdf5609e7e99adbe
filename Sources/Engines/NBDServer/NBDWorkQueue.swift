import BlockDevice
import NBDWire
import NIOPosix
import Platform
import Synchronization

/// Requests to one device that must not run on an event loop: a few workers of the thread pool
/// take them in turn.
///
/// A worker goes on until nothing waits, so many requests cost one submission. How many workers
/// there are follows from how long requests take: one is enough for what only copies memory, and
/// more would wait for each other inside the kernel; a disk that is waited for gets as many as it
/// gains from.
///
/// Thread-safe: what waits is guarded by a lock.
final class NBDWorkQueue: Sendable {
    let device: any BlockDevice
    private let pool: NIOThreadPool
    private let width: Int
    private let state = Mutex(State())

    private struct State {
        var waiting: [NBDJob] = []
        var head = 0
        var workers = 0
        /// Running mean of how long a request takes.
        var mean: Int64 = 0
        /// When a worker last took a request.
        var lastTake: Int64 = 0
    }

    /// Most workers of one device.
    private static let widest = 16
    /// For every such time that a request takes there may be one worker more, in nanoseconds.
    private static let share: Int64 = 60_000
    /// Most requests whose answers wait for each other.
    private static let together = 16
    /// Jobs that may have been taken before their places are used again.
    private static let taken = 1024
    /// Time without progress after which `check` adds a worker, in nanoseconds.
    private static let stuck: Int64 = 100_000_000

    init(_ device: any BlockDevice, pool: NIOThreadPool) {
        self.device = device
        self.pool = pool
        width = max(1, min(device.properties.parallelism, Self.widest))
    }

    /// Queues jobs, and starts workers for them.
    func submit(_ jobs: [NBDJob]) {
        let new = state.withLock { state in
            state.waiting.append(contentsOf: jobs)
            return more(&state, allowed: allowed(state))
        }
        start(new)
    }

    /// Adds a worker where the others are stuck; called now and then.
    func check() {
        let new = state.withLock { state in
            let isStuck = Clock.nanoseconds() - state.lastTake > Self.stuck
            return isStuck ? more(&state, allowed: min(width, state.workers + 1)) : 0
        }
        start(new)
    }

    private func allowed(_ state: borrowing State) -> Int {
        max(1, min(width, Int(state.mean / Self.share)))
    }

    /// Workers that are missing, counted as if they ran.
    private func more(_ state: inout State, allowed: Int) -> Int {
        let new = max(0, min(allowed, state.waiting.count - state.head) - state.workers)
        state.workers += new
        return new
    }

    private func start(_ count: Int) {
        for _ in 0..<count { pool.submit { self.work(isCancelled: $0 == .cancelled) } }
    }

    private func work(isCancelled: Bool) {
        var owed: [NBDConnection] = []
        var count = 0
        var spent: Int64?
        while let (job, began, isFast) = next(spent) {
            // Answers go out together, unless something comes that may take long.
            if count >= Self.together || !isFast || !job.isQuick {
                for connection in owed { connection.wake() }
                owed.removeAll(keepingCapacity: true)
                count = 0
            }
            if isCancelled {
                (job.error, job.message) = (.shutdown, "the server is going away")
            } else {
                job.run(on: device)
            }
            spent = Clock.nanoseconds() - began
            count += 1
            guard let connection = job.connection else { continue }
            if connection.finished(job) { owed.append(connection) }
        }
        for connection in owed { connection.wake() }
    }

    /// The next job, the time, and whether requests take no time worth mentioning; nil where the
    /// worker is to end.
    private func next(_ spent: Int64?) -> (NBDJob, Int64, Bool)? {
        let now = Clock.nanoseconds()
        var new = 0
        var isFast = false
        let job: NBDJob? = state.withLock { state in
            if let spent { state.mean += (spent - state.mean) / 8 }
            let allowed = allowed(state)
            guard state.head < state.waiting.count, state.workers <= allowed || spent == nil else {
                state.workers -= 1
                return nil
            }
            let job = state.waiting[state.head]
            state.head += 1
            // A queue that is never empty must not grow either.
            if state.head == state.waiting.count || state.head >= Self.taken {
                state.waiting.removeFirst(state.head)
                state.head = 0
            }
            state.lastTake = now
            isFast = state.mean < Self.share
            new = more(&state, allowed: allowed)
            return job
        }
        start(new)
        guard let job else { return nil }
        return (job, now, isFast)
    }
}
