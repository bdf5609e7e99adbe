import Bytes
import Platform

/// Makes an empty, writable HFS+ volume.
///
/// Debian has no program that does (hfsprogs is gone; what xorriso makes is locked and full), so
/// this writes the few structures of Apple's Technical Note 1150 itself. Every integer is
/// big-endian.
enum HFSPlusFormat {
    private static let blockSize = 4096
    private static let extentsNodes = 16
    private static let catalogNodes = 512

    /// Formats a file of this size.
    static func make(at path: String, mebibytes: Int) throws {
        let blocks = mebibytes << 20 / blockSize
        let bitmapBlocks = (blocks / 8 + blockSize - 1) / blockSize
        let extents = 1 + bitmapBlocks
        let catalog = extents + extentsNodes
        let used = catalog + catalogNodes
        let image = RawPath(path)
        var bitmap = [UInt8](repeating: 0, count: blocks / 8)
        for block in Array(0..<used) + [blocks - 1] { bitmap[block / 8] |= 0x80 >> (block % 8) }
        try image.write(bitmap, at: UInt64(blockSize))
        try image.write(extentsHeader(), at: UInt64(extents * blockSize))
        try image.write(catalogHeader() + rootLeaf(), at: UInt64(catalog * blockSize))
        var header = volumeHeader(blocks: blocks, free: blocks - used - 1)
        header.fork(start: 1, blocks: bitmapBlocks)
        header.fork(start: extents, blocks: extentsNodes)
        header.fork(start: catalog, blocks: catalogNodes)
        header.zeros(160)
        try image.write(header.bytes, at: 1024)
        try image.write(header.bytes, at: UInt64(mebibytes << 20 - 1024))
    }

    /// 2020-01-01, counted from 1904.
    private static let date: UInt32 = 1_577_836_800 + 2_082_844_800

    /// The volume header up to its first fork.
    private static func volumeHeader(blocks: Int, free: Int) -> ByteWriter {
        let unmounted: UInt32 = 0x100
        var header = ByteWriter(capacity: 512)
        header.words(0x482b, 4)
        header.longs(unmounted)
        header.writeRaw("10.0".utf8)
        header.longs(0, date, date, 0, date)
        header.longs(0, 0, UInt32(blockSize), UInt32(blocks), UInt32(free), 0)
        header.longs(65_536, 65_536, 16, 0, 0, 1)
        header.zeros(32)
        return header
    }

    private static func headerNode(
        depth: UInt16, root: UInt32, records: UInt32, nodes: Int, taken: Int, keyLength: UInt16,
        attributes: UInt32
    ) -> [UInt8] {
        var node = ByteWriter(capacity: blockSize)
        node.longs(0, 0)
        node.writeRaw([1, 0])
        node.words(3, 0)
        node.words(depth)
        node.longs(root, records, root, root)
        node.words(UInt16(blockSize), keyLength)
        node.longs(UInt32(nodes), UInt32(nodes - taken))
        node.words(0)
        node.longs(65_536)
        node.words(0)
        node.longs(attributes)
        node.zeros(64 + 128)
        let map = node.bytes.count
        node.writeRaw([UInt8(truncatingIfNeeded: 0xff00 >> taken)])
        node.zeros(blockSize - 8 - map - 1)
        node.words(UInt16(blockSize - 8), UInt16(map), UInt16(map - 128), 14)
        return node.bytes
    }

    private static func extentsHeader() -> [UInt8] {
        headerNode(
            depth: 0, root: 0, records: 0, nodes: extentsNodes, taken: 1, keyLength: 10,
            attributes: 2)
    }

    private static func catalogHeader() -> [UInt8] {
        headerNode(
            depth: 1, root: 1, records: 2, nodes: catalogNodes, taken: 2, keyLength: 516,
            attributes: 6)
    }

    /// The catalogue's only leaf: the root folder and its thread.
    private static func rootLeaf() -> [UInt8] {
        let name = Array("Lab".utf16)
        var node = ByteWriter(capacity: blockSize)
        node.longs(0, 0)
        node.writeRaw([0xff, 1])
        node.words(2, 0)
        // The folder: its key, ids and dates, permissions, and what the Finder keeps.
        node.words(UInt16(6 + 2 * name.count))
        node.longs(1)
        node.text(name)
        node.words(1, 0)
        node.longs(0, 2, date, date, date, date, 0)
        node.longs(0, 0)
        node.words(0, 0o40755)
        node.longs(0)
        node.zeros(32 + 8)
        let thread = node.bytes.count
        node.words(6)
        node.longs(2)
        node.words(0, 3, 0)
        node.longs(1)
        node.text(name)
        let end = node.bytes.count
        node.zeros(blockSize - 6 - end)
        node.words(UInt16(end), UInt16(thread), 14)
        return node.bytes
    }
}

extension ByteWriter {
    fileprivate mutating func words(_ values: UInt16...) {
        for value in values { writeBigEndian(value) }
    }

    fileprivate mutating func longs(_ values: UInt32...) {
        for value in values { writeBigEndian(value) }
    }

    fileprivate mutating func zeros(_ count: Int) {
        writeRaw(repeatElement(0, count: count))
    }

    /// A name: its length, and UTF-16.
    fileprivate mutating func text(_ units: [UInt16]) {
        words(UInt16(units.count))
        for unit in units { words(unit) }
    }

    /// A file of the volume's own, in one piece.
    fileprivate mutating func fork(start: Int, blocks: Int) {
        let size = UInt32(blocks * 4096)
        longs(0, size, size, UInt32(blocks), UInt32(start), UInt32(blocks))
        zeros(56)
    }
}
