public import BlockDevice

/// A part of a request that lies in one page.
struct MemoryPiece {
    /// Number of the page.
    var page: UInt64
    /// Where in the page.
    var inPage: Range<Int>
    /// Where in the request.
    var inRequest: Range<Int>
}

/// The pieces of a request, in order.
struct MemoryPieces: Sequence, IteratorProtocol {
    private let offset: UInt64
    private let count: Int
    private var done = 0

    init(offset: UInt64, count: Int) {
        self.offset = offset
        self.count = count
    }

    mutating func next() -> MemoryPiece? {
        guard done < count else { return nil }
        let place = offset + UInt64(done)
        let start = Int(place % UInt64(MemoryDevice.pageSize))
        let length = Swift.min(count - done, MemoryDevice.pageSize - start)
        defer { done += length }
        return MemoryPiece(
            page: place / UInt64(MemoryDevice.pageSize), inPage: start..<start + length,
            inRequest: done..<done + length)
    }
}

extension MemoryDevice {
    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        var extents: [BlockExtent] = []
        var offset = range.offset
        var pages = storedPages(in: range, orFlushed: false).makeIterator()
        var next = pages.next()
        while offset < range.end && extents.count < max(1, limit) {
            while let page = next, (page + 1) * UInt64(Self.pageSize) <= offset {
                next = pages.next()
            }
            let start = next.map { max(offset, $0 * UInt64(Self.pageSize)) } ?? range.end
            if start > offset {
                extents.append(.hole(min(start, range.end) - offset))
                offset = start
                continue
            }
            var end = offset
            while let page = next, page * UInt64(Self.pageSize) <= end {
                end = (page + 1) * UInt64(Self.pageSize)
                next = pages.next()
            }
            extents.append(.data(min(end, range.end) - offset))
            offset = end
        }
        return extents
    }

    /// Numbers of the pages that a range touches.
    func pages(in range: BlockRange) -> Range<UInt64> {
        guard range.length > 0 else { return 0..<0 }
        let page = UInt64(Self.pageSize)
        return range.offset / page..<(range.end - 1) / page + 1
    }

    /// Numbers of the pages in a range that hold content (or did at the last flush), in order.
    ///
    /// Their number is bounded by the memory, not by the range.
    func storedPages(in range: BlockRange, orFlushed: Bool) -> [UInt64] {
        let wanted = pages(in: range)
        if wanted.count <= 64 && !orFlushed { return wanted.filter { stripe(of: $0).holds($0) } }
        return stripes.flatMap { $0.pages(in: wanted, orFlushed: orFlushed) }.sorted()
    }

    /// Bytes of memory that content takes now, what could be taken back included.
    public var memoryInUse: Int { stripes[0].memory.inUse }

    /// Loses power: everything that was not flushed is gone.
    public func crash() { for stripe in stripes { stripe.crash { _ in false } } }

    /// Loses power: of every 512-byte sector that was not flushed, the old or the new content is
    /// left, as the generator has it.
    public func crash(using generator: inout some RandomNumberGenerator) {
        for stripe in stripes { stripe.crash { _ in Bool.random(using: &generator) } }
    }
}
