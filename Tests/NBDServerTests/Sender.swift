import NIOCore
import NIOPosix
import Synchronization

/// Work beside the test, on a thread of its own; tells whether it went well.
final class Sender: Sendable {
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let went = Mutex<Bool?>(nil)

    init(_ work: @escaping () throws -> Void) {
        pool.start()
        // Runs once, on the one thread, while nobody else uses what it holds.
        nonisolated(unsafe) let work = work
        pool.submit { _ in
            let isFine = (try? work()) != nil
            self.went.withLock { $0 = isFine }
        }
    }

    /// Waits for the end of the work; whether it threw nothing.
    func finish() -> Bool {
        try? pool.syncShutdownGracefully()
        return went.withLock { $0 } == true
    }
}
