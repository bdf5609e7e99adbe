import Glibc
import Synchronization

/// Threads that really run at the same time, as far as the machine has processors.
enum Threads {
    /// One thread's work.
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs work on this many threads, which begin together; throws the first thing that went
    /// wrong.
    static func run(_ count: Int, _ work: @escaping @Sendable (Int) throws -> Void) throws {
        let failure = Shared()
        var threads: [pthread_t] = []
        for index in 0..<count {
            let item = Work {
                failure.arrive(of: count)
                do { try work(index) } catch { failure.keep(error) }
            }
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(item).toOpaque()
            let result = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                    return nil
                }, argument)
            guard result == 0 else { throw SuiteFailure("pthread_create: errno \(result)") }
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        if let error = failure.first { throw error }
    }

    /// What the threads have in common.
    private final class Shared: Sendable {
        private let arrived = Atomic(0)
        private let error = Mutex<(any Error)?>(nil)

        var first: (any Error)? { error.withLock { $0 } }

        func keep(_ found: any Error) { error.withLock { $0 = $0 ?? found } }

        /// Waits until everybody is here, for some time at most.
        func arrive(of count: Int) {
            arrived.add(1, ordering: .sequentiallyConsistent)
            for _ in 0..<100_000 where arrived.load(ordering: .sequentiallyConsistent) < count {
                sched_yield()
            }
        }
    }
}
