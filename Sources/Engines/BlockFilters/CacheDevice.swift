public import BlockDevice
import Synchronization

/// A device with a bounded cache of what was read, in memory.
///
/// Writes go through and are in the cache afterwards where their block was in it; a flush is the
/// device's own. What is in the cache is read without waiting. Blocks that have not been used for
/// the longest time make room (CLOCK). Nobody else may change the device below. Any thread.
public final class CacheDevice: BlockDevice {
    /// How large the cache is.
    public struct Options: Sendable {
        /// Memory for content, in bytes; at least one block's.
        public var capacity: Int
        /// The unit that is cached, in bytes: a power of two, 4 KiB to 1 MiB.
        public var blockSize: Int

        /// Collects the options.
        public init(capacity: Int = 64 << 20, blockSize: Int = 16 << 10) {
            self.capacity = capacity
            self.blockSize = blockSize
        }
    }

    /// What the cache has done so far.
    public struct Counts: Sendable, Equatable {
        /// Blocks that were found.
        public var hits: UInt64
        /// Blocks that had to be read.
        public var misses: UInt64
    }

    /// See `BlockDevice`.
    public let properties: BlockProperties

    let base: any BlockDevice
    let store: CacheStore
    private let blockSize: Int
    private let hits = Atomic<UInt64>(0)
    private let misses = Atomic<UInt64>(0)
    private let watch = Mutex<(any BlockObservation)?>(nil)

    /// Puts an empty cache before a device.
    public init(_ base: any BlockDevice, options: Options = Options()) {
        precondition(
            options.blockSize.nonzeroBitCount == 1 && (4096...1 << 20).contains(options.blockSize),
            "a cache block is a power of two within bounds")
        self.base = base
        blockSize = options.blockSize
        store = CacheStore(
            blockSize: options.blockSize, slots: max(1, options.capacity / options.blockSize))
        var properties = base.properties
        properties.capabilities.insert(.immediateReads)
        properties.capabilities.remove(.immediateWrites)
        self.properties = properties
        // Blocks at the old end were cached as far as the device went.
        let observation = base.observeSize { [store] _ in store.forgetAll() }
        watch.withLock { $0 = observation }
    }

    /// See `BlockDevice`.
    public var size: UInt64 { base.size }

    /// Hits and misses so far.
    public var counts: Counts {
        Counts(hits: hits.load(ordering: .relaxed), misses: misses.load(ordering: .relaxed))
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let size = size
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        guard range.lies(within: size) else { throw .outOfRange(range, size: size) }
        var done = 0
        while done < buffer.count {
            let piece = self.piece(at: offset, done, of: buffer)
            if store.read(piece.block, from: piece.start, into: piece.bytes) {
                hits.add(1, ordering: .relaxed)
                done += piece.bytes.count
                continue
            }
            // The last block of a device may be short; such a one is read, but not kept.
            let blockEnd = (piece.block + 1) * UInt64(blockSize)
            if blockEnd <= size && piece.bytes.count == blockSize {
                let count = try fetchRun(at: offset, done, of: buffer)
                misses.add(UInt64(count / blockSize), ordering: .relaxed)
                done += count
                continue
            }
            if blockEnd > size {
                try base.read(at: offset + UInt64(done), into: piece.bytes)
            } else {
                try fetch(piece)
            }
            misses.add(1, ordering: .relaxed)
            done += piece.bytes.count
        }
    }

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        var done = 0
        while done < buffer.count {
            let piece = self.piece(at: offset, done, of: buffer)
            guard store.read(piece.block, from: piece.start, into: piece.bytes) else {
                guard base.can(.immediateReads) else { return false }
                return try base.readNow(at: offset, into: buffer)
            }
            hits.add(1, ordering: .relaxed)
            done += piece.bytes.count
        }
        return true
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try checkWrite(range)
        guard range.length > 0 else { return }
        let content = CacheStore.Content(offset: offset, bytes: buffer)
        try store.change(blocks(of: range), keeping: content) { () throws(BlockError) in
            try base.write(at: offset, from: buffer, options: options)
        }
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        guard range.length > 0 else { return }
        try store.change(blocks(of: range)) { () throws(BlockError) in
            try base.trim(range, options: options)
        }
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        guard range.length > 0 else { return }
        try store.change(blocks(of: range)) { () throws(BlockError) in
            try base.writeZeroes(range, options: options)
        }
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) { try base.flush() }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try base.extents(in: range, limit: limit)
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { base.observeSize(observer) }
}

extension CacheDevice {
    /// A part of a request that lies in one block.
    private struct Piece {
        var block: UInt64
        var start: Int
        var bytes: UnsafeMutableRawBufferPointer
    }

    private func piece(
        at offset: UInt64, _ done: Int, of buffer: UnsafeMutableRawBufferPointer
    ) -> Piece {
        let place = offset + UInt64(done)
        let start = Int(place % UInt64(blockSize))
        let count = min(buffer.count - done, blockSize - start)
        return Piece(
            block: place / UInt64(blockSize), start: start,
            bytes: UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]))
    }

    private func blocks(of range: BlockRange) -> Range<UInt64> {
        range.offset / UInt64(blockSize)..<(range.end - 1) / UInt64(blockSize) + 1
    }

    /// Reads the block of which a part is wanted.
    private func fetch(_ piece: Piece) throws(BlockError) {
        let ticket = store.beginFill(piece.block)
        let block = UnsafeMutableRawBufferPointer(start: store.borrow(), count: blockSize)
        defer { store.giveBack(block.baseAddress) }
        try base.read(at: piece.block * UInt64(blockSize), into: block)
        piece.bytes.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: block[piece.start...].prefix(piece.bytes.count)))
        store.insert(piece.block, ticket, UnsafeRawBufferPointer(block))
    }

    /// Reads whole blocks that are missing, from `done` on, at once; returns how many bytes.
    private func fetchRun(
        at offset: UInt64, _ done: Int, of buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Int {
        let first = (offset + UInt64(done)) / UInt64(blockSize)
        let whole = min((buffer.count - done) / blockSize, CacheStore.runLimit)
        var tickets = CacheStore.Tickets(repeating: nil)
        var count = 0
        while count < whole && (count == 0 || !store.holds(first + UInt64(count))) {
            tickets[count] = store.beginFill(first + UInt64(count))
            count += 1
        }
        let bytes = UnsafeMutableRawBufferPointer(
            rebasing: buffer[done..<done + count * blockSize])
        try base.read(at: offset + UInt64(done), into: bytes)
        for index in 0..<count {
            let block = bytes[index * blockSize..<(index + 1) * blockSize]
            store.insert(
                first + UInt64(index), tickets[index], UnsafeRawBufferPointer(rebasing: block))
        }
        return bytes.count
    }
}
