import Bytes
import NFSWire
import Testing

@Suite struct DirectoryListingTests {
    private func listing(
        _ names: [[UInt8]], end: Bool = true
    ) throws -> DirectoryListing {
        var writer = XDRWriter()
        writer.write(false)
        writer.write(UInt64(0x1234))
        for (index, name) in names.enumerated() {
            Sample.entry(name, cookie: UInt64(index + 1), into: &writer)
        }
        writer.write(false)
        writer.write(end)
        return try decode(writer.bytes, as: NFSListingPlusReply.self).listing
    }

    @Test func `keeps names, cookies and the verifier`() throws {
        let listing = try listing([Array("a".utf8), Array("long name\n\u{e9}".utf8)])
        #expect(listing.verifier == 0x1234 && listing.isEnd && listing.refused == 0)
        let names = listing.entries.map { String(decoding: listing.names[$0.name], as: UTF8.self) }
        #expect(names == ["a", "long name\n\u{e9}"])
        #expect(listing.entries.map(\.cookie) == [1, 2])
        #expect(listing.entries.map(\.fileID) == [101, 102])
    }

    @Test func `leaves out names that a folder cannot hold, and goes on behind them`() throws {
        let long = [UInt8](repeating: 0x61, count: 256)
        let listing = try listing([
            [], Array("a/b".utf8), [0x61, 0, 0x62], long, Array(long.dropLast()),
            [0x2f], [0xff, 0xfe], [],
        ])
        #expect(listing.refused == 6)
        #expect(listing.entries.map { $0.name.count } == [255, 2])
        #expect(listing.lastCookie == 8)
    }

    @Test func `holds nothing of an empty part`() throws {
        let listing = try listing([], end: false)
        #expect(listing.entries.isEmpty && listing.lastCookie == nil && !listing.isEnd)
    }

    @Test func `rejects a name longer than any path`() {
        #expect(throws: BytesError.self) {
            try listing([[UInt8](repeating: 0x61, count: 4097)])
        }
    }
}
