import Synchronization

/// Which clusters an overlay holds: a bit each, in memory, and which parts of that the store does
/// not know yet.
///
/// A bit is set after the cluster's data is in the store, and cleared never while in use. Reading
/// takes no lock. Who sees a bit sees also that its page has changed, or that the page has been
/// taken since. Any thread.
final class OverlayBitmap: @unchecked Sendable {
    // The pointers are constant, and what they point to is atomic.

    /// The unit in which the bitmap is stored, in bytes.
    static let pageSize = 4096
    private static let pageWords = pageSize / 8

    /// Number of clusters.
    let count: UInt64
    /// Number of pages.
    let pageCount: Int
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let changed: UnsafeMutablePointer<Atomic<Bool>>
    /// Held while bits are set and while changed pages are taken.
    private let marking = Mutex(())

    init(count: UInt64) {
        self.count = count
        pageCount = Int((count + UInt64(Self.pageSize * 8) - 1) / UInt64(Self.pageSize * 8))
        words = .allocate(capacity: pageCount * Self.pageWords)
        for index in 0..<pageCount * Self.pageWords { (words + index).initialize(to: Atomic(0)) }
        changed = .allocate(capacity: pageCount)
        for index in 0..<pageCount { (changed + index).initialize(to: Atomic(false)) }
    }

    deinit {
        words.deinitialize(count: pageCount * Self.pageWords)
        words.deallocate()
        changed.deinitialize(count: pageCount)
        changed.deallocate()
    }

    /// How many clusters from `first` on, before `end`, are all held or all not held.
    @inline(__always)
    func run(from first: UInt64, to end: UInt64) -> (isHeld: Bool, end: UInt64) {
        var word = words[Int(first / 64)].load(ordering: .acquiring)
        let isHeld = word >> (first % 64) & 1 == 1
        // Bits that differ are ones, those before the first left out.
        var others = (isHeld ? ~word : word) & (UInt64.max << (first % 64))
        var start = first & ~63
        while others == 0 {
            start += 64
            guard start < end else { return (isHeld, end) }
            word = words[Int(start / 64)].load(ordering: .acquiring)
            others = isHeld ? ~word : word
        }
        return (isHeld, min(end, start + UInt64(others.trailingZeroBitCount)))
    }

    /// Whether all of these clusters are held.
    func holds(_ clusters: Range<UInt64>) -> Bool {
        let run = run(from: clusters.lowerBound, to: clusters.upperBound)
        return run.isHeld && run.end == clusters.upperBound
    }

    /// Marks clusters as held.
    func hold(_ clusters: Range<UInt64>) {
        marking.withLock { _ in
            for page in pages(of: clusters) { set(page, changed: true) }
            var next = clusters.lowerBound
            while next < clusters.upperBound {
                let end = min((next | 63) + 1, clusters.upperBound)
                let mask = (UInt64.max >> (64 - (end - next))) << (next % 64)
                words[Int(next / 64)].bitwiseOr(mask, ordering: .sequentiallyConsistent)
                next = end
            }
        }
    }

    private func set(_ page: Int, changed isChanged: Bool) {
        changed[page].store(isChanged, ordering: .sequentiallyConsistent)
    }

    /// Whether what is known of these clusters differs from what is stored.
    func isChanged(_ clusters: Range<UInt64>) -> Bool {
        let pages = self.pages(of: clusters)
        return pages.contains { changed[$0].load(ordering: .sequentiallyConsistent) }
    }

    private func pages(of clusters: Range<UInt64>) -> Range<Int> {
        let bits = UInt64(Self.pageSize * 8)
        return Int(clusters.lowerBound / bits)..<Int((clusters.upperBound - 1) / bits) + 1
    }

    /// Numbers of at most `limit` pages that have changed, from `first` on; they count as unchanged
    /// from now on.
    func takeChanged(from first: Int, limit: Int) -> [Int] {
        marking.withLock { _ in
            var pages: [Int] = []
            for page in first..<pageCount where pages.count < limit {
                guard changed[page].load(ordering: .relaxed) else { continue }
                set(page, changed: false)
                pages.append(page)
            }
            return pages
        }
    }

    /// Says that pages have changed after all: storing them has failed.
    func putBack(_ pages: some Sequence<Int>) {
        for page in pages { set(page, changed: true) }
    }

    /// A page as it is stored: bit 0 of the first byte is the first cluster.
    func copy(_ page: Int, to bytes: UnsafeMutableRawBufferPointer) {
        for index in 0..<Self.pageWords {
            let word = words[page * Self.pageWords + index].load(ordering: .acquiring)
            bytes.storeBytes(of: word.littleEndian, toByteOffset: index * 8, as: UInt64.self)
        }
    }

    /// Takes a stored page; false where it holds clusters that there are not.
    func load(_ page: Int, from bytes: UnsafeRawBufferPointer) -> Bool {
        for index in 0..<Self.pageWords {
            let stored = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
            let word = UInt64(littleEndian: stored)
            let first = UInt64(page * Self.pageWords + index) * 64
            let valid = first >= count ? 0 : count - first >= 64 ? 64 : count - first
            guard valid == 64 || word >> valid == 0 else { return false }
            words[page * Self.pageWords + index].store(word, ordering: .relaxed)
        }
        return true
    }

    /// Holds nothing any more; to be called when nobody else uses the bitmap.
    func clear() {
        for index in 0..<pageCount * Self.pageWords { words[index].store(0, ordering: .relaxed) }
        for page in 0..<pageCount { set(page, changed: false) }
    }
}
