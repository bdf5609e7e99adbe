import BlockDevice
import NBDWire
import NIOPosix
import Synchronization

/// Requests to one device that must not run on an event loop: a few workers of the thread pool
/// take them in turn.
///
/// One submission starts at most as many workers as the device gains from; a worker goes on until
/// nothing waits, so many requests cost one submission.
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
    }

    /// Most workers of one device.
    private static let widest = 16

    init(_ device: any BlockDevice, pool: NIOThreadPool) {
        self.device = device
        self.pool = pool
        width = max(1, min(device.properties.parallelism, Self.widest))
    }

    /// Queues jobs, and starts workers for them.
    func submit(_ jobs: [NBDJob]) {
        let new = state.withLock { state in
            state.waiting.append(contentsOf: jobs)
            let wanted = min(width, state.waiting.count - state.head)
            let new = max(0, wanted - state.workers)
            state.workers += new
            return new
        }
        for _ in 0..<new { pool.submit { self.work(isCancelled: $0 == .cancelled) } }
    }

    private func work(isCancelled: Bool) {
        while let job = next() {
            if isCancelled {
                (job.error, job.message) = (.shutdown, "the server is going away")
            } else {
                job.run(on: device)
            }
            job.connection?.finished(job)
        }
    }

    private func next() -> NBDJob? {
        state.withLock { state in
            guard state.head < state.waiting.count else {
                state.waiting.removeAll(keepingCapacity: true)
                state.head = 0
                state.workers -= 1
                return nil
            }
            let job = state.waiting[state.head]
            state.head += 1
            return job
        }
    }
}
