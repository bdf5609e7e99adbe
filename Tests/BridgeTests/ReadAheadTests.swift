import Testing

@testable import Bridge

@Suite struct ReadAheadTests {
    private let pool = BufferPool()

    private func fill(_ chunk: ReadAhead.Chunk, _ count: Int, end: Bool = false) {
        chunk.data = (pool.take(), 0..<count)
        chunk.isEnd = end
    }

    private func count(_ finding: ReadAhead.Finding) -> Int? {
        guard case .here(let pieces) = finding else { return nil }
        return pieces.reduce(0) { $0 + $1.range.count }
    }

    @Test func `serves what lies in one chunk or across two`() {
        let ahead = ReadAhead()
        for index in 0..<2 {
            let chunk = ReadAhead.Chunk(offset: UInt64(index * 100), length: 100)
            ahead.add(chunk)
            fill(chunk, 100)
        }
        #expect(count(ahead.find(offset: 0, size: 100)) == 100)
        #expect(count(ahead.find(offset: 90, size: 20)) == 20)
        #expect(count(ahead.find(offset: 190, size: 20)) == nil)
    }

    @Test func `stops at the end of the file`() {
        let ahead = ReadAhead()
        let chunk = ReadAhead.Chunk(offset: 0, length: 100)
        ahead.add(chunk)
        fill(chunk, 30, end: true)
        #expect(count(ahead.find(offset: 20, size: 50)) == 10)
        #expect(count(ahead.find(offset: 30, size: 50)) == 0)
        #expect(ahead.coverage(from: 10) == .max)
    }

    @Test func `says what is on its way and what was not asked for`() {
        let ahead = ReadAhead()
        let chunk = ReadAhead.Chunk(offset: 100, length: 100)
        ahead.add(chunk)
        if case .coming(let found) = ahead.find(offset: 120, size: 10) {
            #expect(found === chunk)
        } else {
            Issue.record("the chunk is on its way")
        }
        if case .absent = ahead.find(offset: 50, size: 100) {
        } else {
            Issue.record("bytes 50 to 100 were never asked for")
        }
        #expect(ahead.coverage(from: 100) == 200)
        #expect(ahead.coverage(from: 50) == 50)
    }

    @Test func `marks what is on its way as stale when the file changes`() {
        let ahead = ReadAhead()
        let chunk = ReadAhead.Chunk(offset: 0, length: 100)
        ahead.add(chunk)
        ahead.drop()
        #expect(chunk.isStale)
        #expect(ahead.chunks.isEmpty && ahead.bytes == 0)
    }

    @Test func `lets go of what was read`() {
        let ahead = ReadAhead()
        for index in 0..<3 {
            let chunk = ReadAhead.Chunk(offset: UInt64(index * 100), length: 100)
            ahead.add(chunk)
            fill(chunk, 100)
        }
        ahead.consume(upTo: 200, from: 150)
        #expect(ahead.chunks.map(\.offset) == [0, 200])
        #expect(pool.lent == 2)
    }

    @Test func `recognizes reading from start to end, in about that order`() {
        let file = OpenFile(number: 1, state: NodeState(number: 1))
        for offset in [0, 128, 384, 256, 512] {
            file.noteRead(offset: UInt64(offset << 10), size: 128 << 10)
        }
        #expect(file.streak >= 3)
        #expect(file.expected == 640 << 10)
        file.noteRead(offset: 1 << 30, size: 4096)
        #expect(file.streak == 0)
    }
}
