import Bytes
import Testing

@testable import GuestCore

extension NodeTable {
    fileprivate struct IsFull: Error {}

    /// Enters a name, for which there is room.
    fileprivate mutating func enter(
        _ name: [UInt8], in parent: NodeID, kind: UInt8, inode: UInt64
    ) throws -> EntryID {
        guard let entry = insert(name, in: parent, kind: kind, inode: inode) else {
            throw IsFull()
        }
        return entry
    }

    /// The node of an entry, for which there is room.
    fileprivate mutating func id(of entry: EntryID) throws -> NodeID {
        guard let node = node(of: entry) else { throw IsFull() }
        return node
    }
}

@Suite struct NodeTableTests {
    private func bytes(_ name: String) -> [UInt8] { Array(name.utf8) }

    private func names(_ table: NodeTable, in parent: NodeTable.NodeID) -> [String] {
        var names: [String] = []
        var next = table.firstEntry(in: parent, after: 2)
        while let entry = next {
            names.append(String(decoding: table.name(of: entry), as: UTF8.self))
            next = table.entryAfter(entry)
        }
        return names
    }

    @Test func `finds names under their parents only`() throws {
        var table = NodeTable()
        let entry = try table.enter(bytes("a"), in: 1, kind: 4, inode: 10)
        let node = try table.id(of: entry)
        _ = table.insert([0xff, 0xfe], in: node, kind: 8, inode: 11)
        #expect(table.entry(bytes("a"), in: 1) == entry)
        #expect(table.entry(bytes("a"), in: node) == nil)
        #expect(table.entry([0xff, 0xfe], in: node) != nil)
        #expect(table.entry(bytes("b"), in: 1) == nil)
        #expect(table.parent(of: node) == 1)
        #expect(table.parent(of: 1) == 1)
    }

    @Test func `keeps a node's id through renames`() throws {
        var table = NodeTable()
        let folder = try table.enter(bytes("d"), in: 1, kind: 4, inode: 1)
        let parent = try table.id(of: folder)
        let entry = try table.enter(bytes("a"), in: 1, kind: 8, inode: 2)
        let node = try table.id(of: entry)
        let isMoved = table.move(entry, to: parent, name: bytes("b"))
        #expect(isMoved)
        #expect(table.entry(bytes("a"), in: 1) == nil)
        #expect(table.entry(bytes("b"), in: parent) == entry)
        #expect(table.entries[Int(entry)].node == node)
        #expect(table.way(to: node)?.map { Array(table.name(of: $0)) } == [bytes("d"), bytes("b")])
        #expect(names(table, in: 1) == ["d"])
    }

    @Test func `uses an id again only with another generation`() throws {
        var table = NodeTable()
        let entry = try table.enter(bytes("a"), in: 1, kind: 8, inode: 2)
        let node = try table.id(of: entry)
        let generation = table.generation(of: node)
        table.noteLookup(of: node)
        table.remove(entry)
        #expect(table.isInUse(UInt64(node)))
        #expect(!table.isReachable(node))
        #expect(table.way(to: node) == nil)
        table.noteForgotten(UInt64(node), count: 1)
        #expect(!table.isInUse(UInt64(node)))
        let second = try table.enter(bytes("b"), in: 1, kind: 8, inode: 3)
        let reused = try table.id(of: second)
        #expect(reused == node)
        #expect(table.generation(of: node) != generation)
    }

    @Test func `keeps a file with several names until the last is gone`() throws {
        var table = NodeTable()
        let first = try table.enter(bytes("a"), in: 1, kind: 8, inode: 2)
        let node = try table.id(of: first)
        table.share(node, inode: 2)
        let second = try table.enter(bytes("b"), in: 1, kind: 8, inode: 2)
        table.attach(second, to: node)
        table.remove(first)
        #expect(table.way(to: node) == [second])
        #expect(table.node(sharing: 2) == node)
        table.remove(second)
        #expect(table.node(sharing: 2) == nil)
        #expect(!table.isInUse(UInt64(node)))
    }

    @Test func `lists on behind a cookie whatever was removed meanwhile`() throws {
        var table = NodeTable()
        var entries: [NodeTable.EntryID] = []
        for number in 0..<10 {
            entries.append(
                try table.enter(bytes("f\(number)"), in: 1, kind: 8, inode: 0))
        }
        let cookie = table.entries[Int(entries[4])].cookie
        for entry in entries[2...5] { table.remove(entry) }
        _ = table.insert(bytes("late"), in: 1, kind: 8, inode: 0)
        let next = try #require(table.firstEntry(in: 1, after: cookie))
        #expect(next == entries[6])
        #expect(names(table, in: 1) == ["f0", "f1", "f6", "f7", "f8", "f9", "late"])
    }

    @Test func `does not know ids that were never given`() {
        var table = NodeTable()
        #expect(!table.isInUse(0))
        #expect(table.isInUse(1))
        #expect(!table.isInUse(2))
        #expect(!table.isInUse(.max))
        table.noteForgotten(.max, count: 1)
        table.noteForgotten(1, count: .max)
        #expect(table.isInUse(1))
    }

    @Test func `agrees with a simple model through many changes`() throws {
        var table = NodeTable()
        var model: [String: NodeTable.EntryID] = [:]
        var order: [String] = []
        var generator = SeededGenerator(seed: 0x5eed)
        for step in 0..<20_000 {
            let name = "n\(generator.next() % 500)" + String(repeating: "x", count: step % 200)
            let chosen = order.isEmpty ? 0 : Int(generator.next() % UInt64(order.count))
            switch generator.next() % 4 {
            case 0 where !order.isEmpty:
                let old = order.remove(at: chosen)
                guard let entry = model.removeValue(forKey: old) else { continue }
                table.remove(entry)
            case 1 where !order.isEmpty && model[name] == nil:
                guard let entry = model.removeValue(forKey: order[chosen]) else { continue }
                let isMoved = table.move(entry, to: 1, name: bytes(name))
                #expect(isMoved)
                order[chosen] = name
                model[name] = entry
            default:
                if model[name] != nil { continue }
                order.append(name)
                model[name] = try table.enter(bytes(name), in: 1, kind: 8, inode: UInt64(step))
            }
        }
        #expect(!model.isEmpty)
        for (name, entry) in model { #expect(table.entry(bytes(name), in: 1) == entry) }
        #expect(names(table, in: 1).sorted() == model.keys.sorted())
    }
}

@Suite struct DirectoryRecordsTests {
    static func record(_ name: [UInt8], inode: UInt8 = 5, length: Int? = nil) -> [UInt8] {
        let length = length ?? (19 + name.count + 1 + 7) / 8 * 8
        var bytes: [UInt8] = [inode, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
        bytes += [UInt8(length & 0xff), UInt8(length >> 8), 8] + name + [0]
        while bytes.count < length { bytes.append(0) }
        return bytes
    }

    @Test func `gives names and inode numbers`() {
        let bytes = Self.record([97, 0xff]) + Self.record([98], inode: 6)
        let records = Array(DirectoryRecords(bytes: bytes))
        #expect(records.map { Array($0.name) } == [[97, 0xff], [98]])
        #expect(records.map(\.inode) == [5, 6])
        #expect(records.allSatisfy { $0.kind == 8 })
    }

    @Test func `passes over names that no path can hold`() {
        let bytes =
            Self.record([0x2e]) + Self.record([0x2e, 0x2e]) + Self.record([97, 0x2f, 98])
            + Self.record([]) + Self.record([UInt8](repeating: 97, count: 256)) + Self.record([99])
        #expect(Array(DirectoryRecords(bytes: bytes)).map { Array($0.name) } == [[99]])
    }

    @Test(arguments: [0, 19, 1000]) func `ends at a length that makes no sense`(length: Int) {
        var bytes = Self.record([97])
        bytes[16] = UInt8(length & 0xff)
        bytes[17] = UInt8(length >> 8)
        #expect(Array(DirectoryRecords(bytes: bytes)).isEmpty)
    }
}
