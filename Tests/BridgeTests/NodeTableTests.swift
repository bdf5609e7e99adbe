import NFSWire
import Testing

@testable import Bridge

@Suite struct NodeTableTests {
    private func handle(_ number: Int) -> FileHandle {
        FileHandle((0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }) ?? .none
    }

    @Test func `gives a file one number for as long as the kernel knows it`() {
        let table = NodeTable()
        let root = table.enter(handle(0), export: 0, nil)
        #expect(root.number == NodeTable.root)
        let first = table.enter(handle(1), export: 0, nil)
        let again = table.enter(handle(1), export: 0, nil)
        #expect(first == again)
        table.forget(first.number, 1)
        #expect(table[first.number] != nil)
        table.forget(first.number, 1)
        #expect(table[first.number] == nil)
        #expect(table.number(of: handle(1), export: 0) == nil)
    }

    @Test func `tells equal handles of two exports apart`() {
        let table = NodeTable()
        #expect(
            table.enter(handle(1), export: 0, nil).number
                != table.enter(handle(1), export: 1, nil).number)
    }

    @Test func `changes the generation when a number is used again`() {
        let table = NodeTable()
        _ = table.enter(handle(0), export: 0, nil)
        let first = table.enter(handle(1), export: 0, nil)
        table.forget(first.number, 1)
        let second = table.enter(handle(2), export: 0, nil)
        #expect(first.number == second.number)
        #expect(first.generation != second.generation)
    }

    @Test func `survives a kernel that forgets too much`() {
        let table = NodeTable()
        _ = table.enter(handle(0), export: 0, nil)
        let node = table.enter(handle(1), export: 0, nil)
        table.forget(node.number, .max)
        table.forget(node.number, .max)
        table.forget(NodeTable.root, .max)
        table.forget(0, 1)
        table.forget(.max, 1)
        #expect(table[NodeTable.root] != nil)
        #expect(table.count == 1)
    }

    @Test func `keeps what is open or not written until it no longer is`() throws {
        let table = NodeTable()
        _ = table.enter(handle(0), export: 0, nil)
        let node = table.enter(handle(1), export: 0, nil)
        let state = try #require(table.state(of: node.number))
        state.uncommittedBytes = 1
        table.forget(node.number, 1)
        #expect(table[node.number] != nil)
        state.uncommittedBytes = 0
        table.release(node.number)
        #expect(table[node.number] == nil)
    }

    @Test func `gives a new file a new number though an old one had its handle`() {
        let table = NodeTable()
        _ = table.enter(handle(0), export: 0, nil)
        let old = table.enter(handle(1), export: 0, nil)
        table.enterNew(handle(1), export: 0)
        let new = table.enter(handle(1), export: 0, nil)
        #expect(old.number != new.number)
        #expect(table[old.number]?.handle == FileHandle.none)
        table.forget(old.number, 1)
        #expect(table.number(of: handle(1), export: 0) == new.number)
    }

    @Test func `finds every one of many through growth and removal`() {
        let table = NodeTable()
        for number in 0..<5_000 { _ = table.enter(handle(number), export: 0, nil) }
        for number in stride(from: 1, to: 5_000, by: 3) {
            table.forget(UInt64(number + 1), 1)
        }
        for number in 1..<5_000 {
            let found = table.number(of: handle(number), export: 0)
            #expect(found == (number % 3 == 1 ? nil : UInt64(number + 1)))
        }
    }
}
