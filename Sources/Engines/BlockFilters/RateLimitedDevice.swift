public import BlockDevice
import Platform
import Synchronization

/// A device that passes so many bytes and so many requests a second, reads and changes together.
///
/// Requests wait on the thread that makes them. Flushes count as requests, zeros and trims as
/// requests without bytes. Any thread.
public final class RateLimitedDevice: BlockDevice {
    /// What may pass.
    public struct Limits: Sendable, Equatable {
        /// Bytes a second; nil for no limit.
        public var bytesPerSecond: UInt64?
        /// Requests a second; nil for no limit.
        public var requestsPerSecond: UInt64?
        /// How much may pass at once after a pause, as milliseconds' worth.
        public var burstMilliseconds: UInt64
        /// The longest that a request waits, in milliseconds; then it passes, limit or not.
        public var patienceMilliseconds: Int64

        /// Collects the limits.
        public init(
            bytesPerSecond: UInt64? = nil, requestsPerSecond: UInt64? = nil,
            burstMilliseconds: UInt64 = 1000, patienceMilliseconds: Int64 = 20_000
        ) {
            self.bytesPerSecond = bytesPerSecond
            self.requestsPerSecond = requestsPerSecond
            self.burstMilliseconds = burstMilliseconds
            self.patienceMilliseconds = patienceMilliseconds
        }
    }

    private struct Buckets {
        var bytes: TokenBucket?
        var requests: TokenBucket?
    }

    private let base: any BlockDevice
    private let limits: Limits
    private let buckets: Mutex<Buckets>

    /// Limits a device.
    public init(_ base: any BlockDevice, limits: Limits) {
        self.base = base
        self.limits = limits
        let now = Clock.nanoseconds()
        func bucket(_ rate: UInt64?) -> TokenBucket? {
            rate.map { rate in
                let burst = rate.multipliedReportingOverflow(by: limits.burstMilliseconds)
                return TokenBucket(
                    perSecond: rate,
                    capacity: burst.overflow ? UInt64.max : burst.partialValue / 1000, now: now)
            }
        }
        buckets = Mutex(
            Buckets(
                bytes: bucket(limits.bytesPerSecond), requests: bucket(limits.requestsPerSecond)))
    }

    /// See `BlockDevice`.
    public var size: UInt64 { base.size }

    /// What the device can do, but that a change may have to wait.
    public var properties: BlockProperties {
        var properties = base.properties
        properties.capabilities.remove(.immediateWrites)
        return properties
    }

    /// Waits until a request may pass.
    private func pass(_ bytes: Int) {
        let wait = buckets.withLock { buckets in
            let now = Clock.nanoseconds()
            return max(
                buckets.requests?.take(1, now: now) ?? 0,
                buckets.bytes?.take(UInt64(bytes), now: now) ?? 0)
        }
        guard wait > 0 else { return }
        Clock.sleep(nanoseconds: min(wait, limits.patienceMilliseconds * 1_000_000))
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        pass(buffer.count)
        try base.read(at: offset, into: buffer)
    }

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        let isOpen = buckets.withLock { buckets in
            let now = Clock.nanoseconds()
            return buckets.requests?.isOpen(now: now) != false
                && buckets.bytes?.isOpen(now: now) != false
        }
        guard isOpen, try base.readNow(at: offset, into: buffer) else { return false }
        buckets.withLock { buckets in
            let now = Clock.nanoseconds()
            _ = buckets.requests?.take(1, now: now)
            _ = buckets.bytes?.take(UInt64(buffer.count), now: now)
        }
        return true
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        pass(buffer.count)
        try base.write(at: offset, from: buffer, options: options)
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        pass(0)
        try base.flush()
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        pass(0)
        try base.trim(range, options: options)
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        pass(0)
        try base.writeZeroes(range, options: options)
    }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try base.extents(in: range, limit: limit)
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { base.observeSize(observer) }
}
