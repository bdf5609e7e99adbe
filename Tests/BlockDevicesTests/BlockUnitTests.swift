import BlockDevice
import Testing

@testable import BlockDevices

@Suite struct BlockUnitTests {
    private let unit = BlockUnit(bytes: 512)

    @Test(
        arguments: [
            // offset, length; touched; covered
            (0, 0, 0..<0, 0..<0), (0, 512, 0..<512, 0..<512), (1, 511, 0..<512, 1..<1),
            (1, 512, 0..<1024, 1..<1), (1, 1023, 0..<1024, 512..<1024),
            (511, 514, 0..<1536, 512..<1024), (600, 8, 512..<1024, 600..<600),
        ] as [(UInt64, UInt64, Range<UInt64>, Range<UInt64>)])
    func `ranges touch blocks and cover some`(
        offset: UInt64, length: UInt64, touched: Range<UInt64>, covered: Range<UInt64>
    ) {
        let range = BlockRange(offset: offset, length: length)
        let outer = unit.outer(of: range)
        let inner = unit.inner(of: range)
        #expect(outer.offset..<outer.end == touched)
        #expect(inner.offset..<inner.end == covered)
        #expect(unit.divides(range) == (outer == range))
    }

    @Test func `a unit of a byte divides everything`() {
        let range = BlockRange(offset: 3, length: 7)
        let byte = BlockUnit(bytes: 1)
        #expect(byte.divides(range))
        #expect(byte.outer(of: range) == range)
        #expect(byte.inner(of: range) == range)
    }

    @Test func `pieces follow each other, the last is what is left`() {
        let pieces = BlockRange(offset: 10, length: 25).pieces(limit: 10)
        #expect(pieces.map(\.offset) == [10, 20, 30])
        #expect(pieces.map(\.length) == [10, 10, 5])
        #expect(Array(BlockRange(offset: 10, length: 0).pieces(limit: 10)).isEmpty)
    }
}
