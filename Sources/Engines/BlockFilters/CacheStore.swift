import BlockDevice
import Synchronization

/// The memory of a cache: blocks in shards, and who is changing what.
///
/// A block that was read while somebody changed it is not kept: it may be the old one. So a reader
/// takes a ticket before it reads, and the ticket is void once a change of that place has begun.
/// Any thread.
final class CacheStore: Sendable {
    /// The most blocks that are read, or kept after a write, at a time.
    static let runLimit = 64
    /// One ticket a block.
    typealias Tickets = InlineArray<64, UInt64?>

    /// How many changes have begun and ended at the places that share this.
    private final class Activity: Sendable {
        let begun = Atomic<UInt64>(0)
        let ended = Atomic<UInt64>(0)
    }

    private static let spareLimit = 32

    private let blockSize: Int
    private let shards: [CacheShard]
    private let activities: [Activity]
    private let spares = Mutex<[Spare]>([])

    init(blockSize: Int, slots: Int) {
        self.blockSize = blockSize
        let shardCount = max(1, min(64, slots / 8))
        shards = (0..<shardCount).map { index in
            let extra = index < slots % shardCount ? 1 : 0
            return CacheShard(blockSize: blockSize, slots: slots / shardCount + extra)
        }
        activities = (0..<1024).map { _ in Activity() }
    }

    deinit { spares.withLock { for spare in $0 { spare.bytes.deallocate() } } }

    private func shard(_ block: UInt64) -> CacheShard { shards[Int(block % UInt64(shards.count))] }

    private func activity(_ block: UInt64) -> Activity {
        activities[Int(block % UInt64(activities.count))]
    }

    /// Copies a part of a block; false where it is not here.
    func read(_ block: UInt64, from start: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool
    {
        shard(block).read(block, from: start, into: buffer)
    }

    /// Whether a block is here.
    func holds(_ block: UInt64) -> Bool { shard(block).holds(block) }

    /// A ticket for a block that is about to be read; nil while somebody changes it.
    func beginFill(_ block: UInt64) -> UInt64? {
        let activity = activity(block)
        let ended = activity.ended.load(ordering: .sequentiallyConsistent)
        let begun = activity.begun.load(ordering: .sequentiallyConsistent)
        return begun == ended ? begun : nil
    }

    /// Keeps a block that was read, if nobody has begun to change it since.
    func insert(_ block: UInt64, _ ticket: UInt64?, _ bytes: UnsafeRawBufferPointer) {
        guard let ticket else { return }
        let activity = activity(block)
        shard(block).insert(block, bytes) {
            activity.begun.load(ordering: .sequentiallyConsistent) == ticket
        }
    }

    /// What a write leaves at an offset of the device.
    struct Content {
        let offset: UInt64
        let bytes: UnsafeRawBufferPointer

        /// The part that lies in a block, and where it begins there.
        func part(of block: UInt64, _ size: UInt64) -> (start: Int, bytes: UnsafeRawBufferPointer) {
            let start = max(offset, block * size)
            let end = min(offset + UInt64(bytes.count), (block + 1) * size)
            return (
                Int(start % size),
                UnsafeRawBufferPointer(rebasing: bytes[Int(start - offset)..<Int(end - offset)])
            )
        }
    }

    /// Does a change, and then has nothing of its blocks in the cache, or what was written.
    ///
    /// While it lasts its blocks are read from below.
    func change(
        _ blocks: Range<UInt64>, keeping content: Content? = nil,
        _ work: () throws(BlockError) -> Void
    ) throws(BlockError) {
        guard blocks.count < activities.count else { return try changeAll(work) }
        var tickets = Tickets(repeating: nil)
        for (index, block) in blocks.enumerated() {
            let ticket = begin(block)
            if index < Self.runLimit { tickets[index] = ticket }
            shard(block).hide(block)
        }
        var hasWorked = false
        defer {
            for (index, block) in blocks.enumerated() {
                let activity = activity(block)
                let ticket = index < Self.runLimit ? tickets[index] : nil
                // Alone from beginning to end: then the block is what it was, and this change.
                let isAlone = { activity.begun.load(ordering: .sequentiallyConsistent) == ticket }
                if hasWorked, let content, ticket != nil {
                    let part = content.part(of: block, UInt64(blockSize))
                    shard(block).show(block, with: part.bytes, at: part.start, if: isAlone)
                } else {
                    shard(block).remove(block)
                }
                activity.ended.add(1, ordering: .sequentiallyConsistent)
            }
        }
        try work()
        hasWorked = true
    }

    /// Announces a change; the ticket is nil where another is under way.
    private func begin(_ block: UInt64) -> UInt64? {
        let activity = activity(block)
        let ended = activity.ended.load(ordering: .sequentiallyConsistent)
        let begun = activity.begun.add(1, ordering: .sequentiallyConsistent).newValue
        return begun == ended + 1 ? begun : nil
    }

    /// Does a change of very many blocks.
    private func changeAll(_ work: () throws(BlockError) -> Void) throws(BlockError) {
        for activity in activities { activity.begun.add(1, ordering: .sequentiallyConsistent) }
        for shard in shards { shard.removeAll() }
        defer {
            for activity in activities { activity.ended.add(1, ordering: .sequentiallyConsistent) }
        }
        try work()
    }

    /// Forgets every block, and those that are being read.
    func forgetAll() {
        for activity in activities { activity.begun.add(1, ordering: .sequentiallyConsistent) }
        for shard in shards { shard.removeAll() }
        for activity in activities { activity.ended.add(1, ordering: .sequentiallyConsistent) }
    }
}

extension CacheStore {
    /// A block's worth of memory that nobody uses; touched by one thread at a time, whoever took it
    /// out from under the lock.
    private struct Spare: @unchecked Sendable {
        let bytes: UnsafeMutableRawPointer
    }

    /// A block's worth of memory.
    func borrow() -> UnsafeMutableRawPointer {
        if let spare = spares.withLock({ $0.popLast() }) { return spare.bytes }
        return .allocate(byteCount: blockSize, alignment: 4096)
    }

    /// Takes memory back.
    func giveBack(_ bytes: UnsafeMutableRawPointer?) {
        guard let bytes else { return }
        let spare = Spare(bytes: bytes)
        let isKept = spares.withLock { spares in
            guard spares.count < Self.spareLimit else { return false }
            spares.append(spare)
            return true
        }
        if !isKept { bytes.deallocate() }
    }
}
