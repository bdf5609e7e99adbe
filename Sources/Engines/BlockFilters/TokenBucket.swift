/// How much of something may pass a second, with bursts.
///
/// A bucket of tokens that fills at a constant rate. Whoever takes more than there is leaves a debt
/// and waits until it is paid, so that requests larger than the bucket pass too. A pure value;
/// times are nanoseconds of any clock that does not go back.
public struct TokenBucket: Sendable, Equatable {
    private let perSecond: Double
    private let capacity: Double
    private var tokens: Double
    private var last: Int64

    /// Makes a full bucket; the rate and the capacity are at least 1.
    public init(perSecond: UInt64, capacity: UInt64, now: Int64) {
        self.perSecond = Double(max(1, perSecond))
        self.capacity = Double(max(1, capacity))
        tokens = self.capacity
        last = now
    }

    /// Whether there is no debt: something that comes now need not wait.
    public mutating func isOpen(now: Int64) -> Bool {
        fill(now: now)
        return tokens > 0
    }

    /// Takes tokens; returns after how many nanoseconds they are there.
    public mutating func take(_ count: UInt64, now: Int64) -> Int64 {
        fill(now: now)
        // What comes to an open bucket passes at once; what comes after it pays.
        let wait = tokens > 0 ? 0 : -tokens / perSecond * 1e9
        tokens -= Double(count)
        return Int64(min(wait, 1e18))
    }

    private mutating func fill(now: Int64) {
        guard now > last else { return }
        tokens = min(capacity, tokens + Double(now - last) / 1e9 * perSecond)
        last = now
    }
}
