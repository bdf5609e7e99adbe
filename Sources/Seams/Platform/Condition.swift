import Glibc

/// A value behind a lock, and a way to wait until it changes.
///
/// For threads that may block. Waits are bounded by a deadline. Any thread; nobody enters twice.
public final class Condition<Value>: @unchecked Sendable {
    // The value is touched under the lock only.
    private var value: Value
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let change: UnsafeMutablePointer<pthread_cond_t>

    /// Starts with a value.
    public init(_ value: sending Value) {
        self.value = value
        lock = .allocate(capacity: 1)
        lock.initialize(to: pthread_mutex_t())
        change = .allocate(capacity: 1)
        change.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(change, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(change)
        pthread_mutex_destroy(lock)
        change.deallocate()
        lock.deallocate()
    }

    /// Works on the value alone, and wakes all that wait for it.
    public func change<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(lock)
        defer {
            pthread_cond_broadcast(change)
            pthread_mutex_unlock(lock)
        }
        return try body(&value)
    }

    /// Works on the value alone as soon as `body` returns something, however long that takes.
    ///
    /// `body` is asked at once, and after each change. Whoever is served wakes nobody.
    public func wait<Result>(until body: (inout Value) -> sending Result?) -> sending Result {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            if let result = body(&value) { return result }
            pthread_cond_wait(change, lock)
        }
    }

    /// Works on the value alone as soon as `body` returns something; nil where time ran out.
    ///
    /// `body` is asked at once, and after each change. Whoever is served wakes nobody.
    public func wait<Result, Failure: Error>(
        milliseconds: Int64, until body: (inout Value) throws(Failure) -> sending Result?
    ) throws(Failure) -> sending Result? {
        let end = Clock.nanoseconds() + max(0, milliseconds) * 1_000_000
        var deadline = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            if let result = try body(&value) { return result }
            if pthread_cond_timedwait(change, lock, &deadline) == ETIMEDOUT {
                return try body(&value)
            }
        }
    }
}
