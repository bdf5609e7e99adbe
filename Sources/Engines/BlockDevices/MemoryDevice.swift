public import BlockDevice
import Synchronization

/// A disk in memory: sparse, bounded, and for tests one that can lose power.
///
/// Kept in pages of 64 KiB; what was never written takes no memory. A read or write never mixes
/// with another inside one page. With `losesPower`, what is written stays volatile until a flush,
/// and `crash` takes it back.
public final class MemoryDevice: BlockDevice {
    /// The unit of memory, in bytes.
    public static let pageSize = 1 << 16

    /// The largest device, in bytes: 8 EiB less a page.
    public static let sizeLimit = UInt64(Int64.max) & ~UInt64(pageSize - 1)

    /// How a device is made.
    public struct Options: Sendable {
        /// The most memory that content may take, in bytes; writes beyond throw `noSpace`.
        public var memoryLimit: Int
        /// Whether it can be written.
        public var isWritable = true
        /// Whether writes stay volatile until they are flushed, for `crash`; doubles the memory
        /// that they take.
        public var losesPower = false
        /// What initiators are told; 512 or 4096.
        public var logicalBlockSize: UInt32 = 512

        /// Ordinary: writable, never crashing.
        public init(memoryLimit: Int = 1 << 30) { self.memoryLimit = memoryLimit }
    }

    /// See `BlockDevice`.
    public var size: UInt64 { currentSize.load(ordering: .acquiring) }
    /// See `BlockDevice`.
    public let properties: BlockProperties

    let stripes: [MemoryStripe]
    private let currentSize: Atomic<UInt64>
    private let observers = BlockSizeObservers()

    /// Makes a device that reads as zeros.
    public init(size: UInt64, options: Options = Options()) {
        precondition(size <= Self.sizeLimit, "a device in memory has a size within bounds")
        currentSize = Atomic(size)
        let memory = MemoryBudget(limit: options.memoryLimit)
        stripes = (0..<64).map { _ in
            MemoryStripe(memory: memory, losesPower: options.losesPower)
        }
        var capabilities: BlockCapabilities = [.extents, .immediateReads]
        if options.isWritable {
            capabilities.formUnion([
                .write, .trim, .trimmedReadsZero, .fastZeroes, .immediateWrites, .forceUnitAccess,
            ])
            if options.losesPower { capabilities.insert(.volatileCache) }
        }
        properties = BlockProperties(
            logicalBlockSize: options.logicalBlockSize, physicalBlockSize: 4096,
            trimGranularity: options.isWritable ? UInt32(Self.pageSize) : 0,
            capabilities: capabilities)
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        for piece in MemoryPieces(offset: offset, count: buffer.count) {
            stripe(of: piece.page).read(
                piece, into: UnsafeMutableRawBufferPointer(rebasing: buffer[piece.inRequest]))
        }
    }

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try read(at: offset, into: buffer)
        return true
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try checkWrite(range)
        for piece in MemoryPieces(offset: offset, count: buffer.count) {
            let done = stripe(of: piece.page).write(
                piece, from: UnsafeRawBufferPointer(rebasing: buffer[piece.inRequest]),
                durable: options.contains(.forceUnitAccess))
            guard done else { throw .noSpace(range) }
        }
    }

    /// See `BlockDevice`.
    public func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool {
        try write(at: offset, from: buffer, options: [])
        return true
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) { for stripe in stripes { stripe.flush() } }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try writeZeroes(range, options: options)
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        let durable = options.contains(.forceUnitAccess)
        let few = pages(in: range)
        // Pages that hold nothing are zero already; a long range may have very many of them.
        let touched = few.count <= 64 ? Array(few) : storedPages(in: range, orFlushed: durable)
        for page in touched {
            let start = page * UInt64(Self.pageSize)
            let first = Int(max(range.offset, start) - start)
            let last = Int(min(range.end, start + UInt64(Self.pageSize)) - start)
            let done = stripe(of: page).zero(page, first..<last, durable: durable)
            guard done else { throw .noSpace(range) }
        }
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { observers.add(observer) }

    /// Changes the size, and tells the observers; what a larger size adds reads as zeros.
    public func resize(to size: UInt64) {
        precondition(size <= Self.sizeLimit, "a device in memory has a size within bounds")
        let before = currentSize.exchange(size, ordering: .acquiringAndReleasing)
        if size < before { for stripe in stripes { stripe.cut(to: size) } }
        if size != before { observers.tell(size) }
    }

    func stripe(of page: UInt64) -> MemoryStripe { stripes[Int(page % UInt64(stripes.count))] }
}
