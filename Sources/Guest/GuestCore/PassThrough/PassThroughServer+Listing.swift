import FUSEWire
import Glibc
import Platform

/// Folders' listings.
extension PassThroughServer {
    /// Bytes of directory records asked for at once, and most bytes of one folder's records:
    /// a damaged folder that never ends must.
    private enum Records {
        static let size = 1 << 17
        static let limit = 1 << 29
    }

    /// READDIR and READDIRPLUS.
    func list(
        _ node: NodeTable.NodeID, from offset: UInt64, limit: Int, plus: Bool
    ) throws(SystemError) -> FUSEReply {
        try list(node)
        var writer = FUSEDirectoryWriter(limit: limit)
        for (cookie, name) in [(1, "."), (2, "..")] as [(UInt64, String)] where cookie > offset {
            guard writer.fits(nameCount: name.utf8.count, plus: plus) else {
                return .data(writer.bytes)
            }
            let nowhere = FUSEEntry(
                node: 0, generation: 0, nameSeconds: 0, attributeSeconds: 0, attributes: nil)
            let folder = cookie == 1 ? node : table.parent(of: node)
            writer.append(
                name: Array(name.utf8), inode: UInt64(folder), offset: cookie, kind: 4,
                entry: plus ? nowhere : nil)
        }
        var next = entry(in: node, after: max(offset, 2))
        var last: NodeTable.EntryID?
        while let entry = next {
            let name = table.name(of: entry)
            guard writer.fits(nameCount: name.count, plus: plus) else { break }
            try append(entry, in: node, name: Array(name), plus: plus, to: &writer)
            last = entry
            next = table.entryAfter(entry)
        }
        if listings.count > 64 { listings.removeAll() }
        listings[node] = last
        return .data(writer.bytes)
    }

    private func append(
        _ entry: NodeTable.EntryID, in parent: NodeTable.NodeID, name: [UInt8], plus: Bool,
        to writer: inout FUSEDirectoryWriter
    ) throws(SystemError) {
        let known = table.entries[Int(entry)]
        var inode = known.inode
        var kind = known.kind
        var revealed: FUSEEntry?
        if plus {
            revealed = FUSEEntry(
                node: 0, generation: 0, nameSeconds: 0, attributeSeconds: 0, attributes: nil)
            // A file whose attributes cannot be read is still listed; looking it up says why.
            if let status = try? status(parent, name) {
                let entry = try reveal(entry, status)
                inode = entry.attributes?.inode ?? inode
                kind = UInt8(truncatingIfNeeded: (status.st_mode & S_IFMT) >> 12)
                revealed = entry
            }
        } else if !traits.keepsInodeNumbers {
            guard let node = table.node(of: entry) else {
                throw SystemError(errno: ENOMEM, call: "make a node")
            }
            inode = UInt64(node)
        }
        writer.append(
            name: name, inode: inode, offset: known.cookie, kind: kind, entry: revealed)
    }

    /// The entry at which a listing goes on.
    private func entry(
        in node: NodeTable.NodeID, after cookie: UInt64
    ) -> NodeTable.EntryID? {
        if let last = listings[node] {
            let entry = table.entries[Int(last)]
            if entry.parent == node && entry.cookie == cookie { return table.entryAfter(last) }
        }
        return table.firstEntry(in: node, after: cookie)
    }

    /// Enters all names of a folder into the table, once.
    func list(_ node: NodeTable.NodeID) throws(SystemError) {
        guard !table.nodes[Int(node)].isListed else { return }
        try eachRecord(of: node) { inode, kind, name throws(SystemError) in
            guard table.entry(name, in: node) == nil else { return true }
            guard table.insert(name, in: node, kind: kind, inode: inode) != nil else {
                throw SystemError(errno: ENOMEM, call: "enter a name")
            }
            return true
        }
        table.nodes[Int(node)].isListed = true
    }

    /// The entry whose file has this inode number right now, by reading the folder again.
    func entry(
        withInode inode: UInt64, in node: NodeTable.NodeID
    ) throws(SystemError) -> NodeTable.EntryID? {
        var found: NodeTable.EntryID?
        try eachRecord(of: node) { recorded, _, name throws(SystemError) in
            if recorded == inode { found = table.entry(name, in: node) }
            return found == nil
        }
        return found
    }

    /// Reads a folder's records until `body` says false.
    ///
    /// Names that no path can hold, and names past 255 bytes, which NFS cannot say, are skipped.
    private func eachRecord(
        of node: NodeTable.NodeID,
        _ body: (UInt64, UInt8, ArraySlice<UInt8>) throws(SystemError) -> Bool
    ) throws(SystemError) {
        let folder = try withPath(node) { path throws(SystemError) in
            try BytePaths.open(path, flags: O_RDONLY | O_DIRECTORY)
        }
        let records = UnsafeMutableRawBufferPointer(rebasing: answer[..<Records.size])
        var total = 0
        while total < Records.limit {
            let count = try BytePaths.readDirectory(folder, into: records)
            if count == 0 { return }
            total += count
            for record in DirectoryRecords(bytes: Array(records[..<count])) {
                guard try body(record.inode, record.kind, record.name) else { return }
            }
        }
        throw SystemError(errno: EIO, call: "a folder without an end")
    }
}

/// The records that getdents64(2) gives: inode[8] offset[8] length[2] kind[1] name, NUL.
struct DirectoryRecords: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The next record with a usable name; the end where the records make no sense.
    mutating func next() -> (inode: UInt64, kind: UInt8, name: ArraySlice<UInt8>)? {
        while position + 19 < bytes.count {
            let start = position
            let length = Int(bytes[start + 16]) | Int(bytes[start + 17]) << 8
            guard length > 19, start + length <= bytes.count else { return nil }
            position += length
            let name = bytes[(start + 19)..<(start + length)].prefix { $0 != 0 }
            if !Self.isUsable(name) { continue }
            let inode = (0..<8).reduce(UInt64(0)) {
                $0 | UInt64(bytes[start + $1]) << (8 * UInt64($1))
            }
            return (inode, bytes[start + 18], name)
        }
        return nil
    }

    private static func isUsable(_ name: ArraySlice<UInt8>) -> Bool {
        guard (1...255).contains(name.count), !name.contains(0x2f) else { return false }
        return !name.elementsEqual([0x2e]) && !name.elementsEqual([0x2e, 0x2e])
    }
}
