import Synchronization

/// How much memory a device's pages may take.
///
/// Any thread.
final class MemoryBudget: Sendable {
    private let limit: Int
    private let used = Atomic(0)

    init(limit: Int) { self.limit = limit }

    var inUse: Int { used.load(ordering: .relaxed) }

    /// Takes one page's worth; false where there is no more.
    func take() -> Bool {
        let now = used.add(MemoryDevice.pageSize, ordering: .relaxed).newValue
        if now <= limit { return true }
        give()
        return false
    }

    /// Gives one page's worth back.
    func give() { used.subtract(MemoryDevice.pageSize, ordering: .relaxed) }
}

/// The memory of one page.
///
/// Freed by whoever holds it last; touched under the lock of its stripe only, hence sendable.
struct MemoryPage: @unchecked Sendable {
    private let bytes: UnsafeMutableRawPointer

    /// A page of zeros.
    init() {
        bytes = .allocate(byteCount: MemoryDevice.pageSize, alignment: 4096)
        zero(0..<MemoryDevice.pageSize)
    }

    func free() { bytes.deallocate() }

    func read(_ place: Int, into buffer: UnsafeMutableRawBufferPointer) {
        buffer.copyMemory(from: UnsafeRawBufferPointer(start: bytes + place, count: buffer.count))
    }

    func write(_ place: Int, from buffer: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(start: bytes + place, count: buffer.count)
            .copyMemory(from: buffer)
    }

    func zero(_ range: Range<Int>) {
        (bytes + range.lowerBound).initializeMemory(
            as: UInt8.self, repeating: 0, count: range.count)
    }

    func copy(_ range: Range<Int>, of other: MemoryPage) {
        (bytes + range.lowerBound).copyMemory(
            from: other.bytes + range.lowerBound, byteCount: range.count)
    }
}

/// Every 64th page of a device in memory, behind one lock.
///
/// Any thread.
final class MemoryStripe: Sendable {
    private struct State {
        /// Content; a page that is missing is zero.
        var pages: [UInt64: MemoryPage] = [:]
        /// What a page was at the last flush, of those that changed since; nil for zero.
        var flushed: [UInt64: MemoryPage?] = [:]
    }

    let memory: MemoryBudget
    private let losesPower: Bool
    private let state = Mutex(State())

    init(memory: MemoryBudget, losesPower: Bool) {
        self.memory = memory
        self.losesPower = losesPower
    }

    deinit {
        state.withLock { state in
            for page in state.pages.values { page.free() }
            for page in state.flushed.values { page?.free() }
        }
    }

    func read(_ piece: MemoryPiece, into buffer: UnsafeMutableRawBufferPointer) {
        state.withLock { state in
            guard let page = state.pages[piece.page] else {
                buffer.initializeMemory(as: UInt8.self, repeating: 0)
                return
            }
            page.read(piece.inPage.lowerBound, into: buffer)
        }
    }

    /// Returns false where there is no memory.
    func write(_ piece: MemoryPiece, from buffer: UnsafeRawBufferPointer, durable: Bool) -> Bool {
        state.withLock { state in
            guard preserve(piece.page, in: &state, durable: durable),
                let page = present(piece.page, in: &state.pages)
            else { return false }
            page.write(piece.inPage.lowerBound, from: buffer)
            guard durable, let kept = state.flushed[piece.page] else { return true }
            guard let old = kept ?? fresh() else { return false }
            state.flushed[piece.page] = .some(old)
            old.write(piece.inPage.lowerBound, from: buffer)
            return true
        }
    }

    /// Returns false where there is no memory.
    func zero(_ number: UInt64, _ bytes: Range<Int>, durable: Bool) -> Bool {
        state.withLock { state in
            guard let page = state.pages[number] else {
                if durable { clear(number, bytes, in: &state) }
                return true
            }
            guard preserve(number, in: &state, durable: durable) else { return false }
            if bytes.count == MemoryDevice.pageSize {
                state.pages[number] = nil
                release(page)
            } else {
                page.zero(bytes)
            }
            if durable { clear(number, bytes, in: &state) }
            return true
        }
    }

    func flush() {
        state.withLock { state in
            for page in state.flushed.values { page.map(release) }
            state.flushed.removeAll(keepingCapacity: true)
        }
    }

    /// Puts back what was flushed, but for the sectors that `keep` wants to have survived.
    func crash(keep: (Int) -> Bool) {
        state.withLock { state in
            // In order, so that a seed gives the same every time.
            for (number, old) in state.flushed.sorted(by: { $0.key < $1.key }) {
                let kept = (0..<MemoryDevice.pageSize / 512).filter(keep)
                let new = state.pages[number]
                guard let old else {
                    // It was a hole: what has not survived is zero again.
                    if kept.isEmpty {
                        new.map(release)
                        state.pages[number] = nil
                    } else if let new {
                        Self.zeroSectors(of: new, but: kept)
                    }
                    continue
                }
                for sector in kept { Self.copySector(sector, from: new, to: old) }
                new.map(release)
                state.pages[number] = old
            }
            state.flushed.removeAll(keepingCapacity: true)
        }
    }

    /// Forgets what lies past a size.
    func cut(to size: UInt64) {
        let last = size / UInt64(MemoryDevice.pageSize)
        let rest = Int(size % UInt64(MemoryDevice.pageSize))
        state.withLock { state in
            for (number, page) in state.pages where number > last || number == last && rest == 0 {
                state.pages[number] = nil
                release(page)
            }
            for (number, page) in state.flushed where number > last || number == last && rest == 0 {
                state.flushed[number] = nil
                page.map(release)
            }
            for page in [state.pages[last], state.flushed[last] ?? nil] {
                guard let page else { continue }
                page.zero(rest..<MemoryDevice.pageSize)
            }
        }
    }

    func holds(_ page: UInt64) -> Bool { state.withLock { $0.pages[page] != nil } }

    /// Numbers of the pages within bounds that hold something, or did at the last flush.
    func pages(in wanted: Range<UInt64>, orFlushed: Bool) -> [UInt64] {
        state.withLock { state in
            var numbers = state.pages.keys.filter(wanted.contains)
            if orFlushed {
                numbers += state.flushed.keys.filter {
                    wanted.contains($0) && state.pages[$0] == nil
                }
            }
            return numbers
        }
    }

    private static func copySector(
        _ sector: Int, from page: MemoryPage?, to other: MemoryPage
    ) {
        let bytes = sector * 512..<(sector + 1) * 512
        if let page { other.copy(bytes, of: page) } else { other.zero(bytes) }
    }

    private static func zeroSectors(of page: MemoryPage, but kept: [Int]) {
        var next = 0
        for sector in kept + [MemoryDevice.pageSize / 512] {
            page.zero(next * 512..<sector * 512)
            next = sector + 1
        }
    }

    /// Keeps what a page is before its first change since a flush.
    private func preserve(_ number: UInt64, in state: inout State, durable: Bool) -> Bool {
        // A durable change needs no way back, unless an earlier one on the page has one.
        guard losesPower, !durable, state.flushed[number] == nil else { return true }
        guard let page = state.pages[number] else {
            state.flushed[number] = .some(nil)
            return true
        }
        guard let copy = fresh() else { return false }
        copy.copy(0..<MemoryDevice.pageSize, of: page)
        state.flushed[number] = .some(copy)
        return true
    }

    /// Makes a part of what would be put back zero.
    private func clear(_ number: UInt64, _ bytes: Range<Int>, in state: inout State) {
        guard let old = state.flushed[number] ?? nil else { return }
        old.zero(bytes)
    }

    private func present(
        _ number: UInt64, in pages: inout [UInt64: MemoryPage]
    ) -> MemoryPage? {
        if let page = pages[number] { return page }
        guard let page = fresh() else { return nil }
        pages[number] = page
        return page
    }

    private func fresh() -> MemoryPage? {
        guard memory.take() else { return nil }
        let page = MemoryPage()
        return page
    }

    private func release(_ page: MemoryPage) {
        page.free()
        memory.give()
    }
}
