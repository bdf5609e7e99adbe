import NFSWire

/// Every file that the host's kernel knows of, by the number it knows it by.
///
/// A number is a place in the table; when a place is used for another file, its generation
/// changes. One thread. About 130 bytes a file.
final class NodeTable {
    /// The kernel's number for the folder's root.
    static let root: UInt64 = 1

    /// One file.
    struct Node {
        /// What the server calls it; none where its file is gone and another has its handle.
        var handle: FileHandle
        /// How often the kernel was told of it, and has not forgotten it.
        var lookups: UInt64 = 0
        /// What is open or not yet written of it.
        var state: NodeState?
        /// Tells files apart that had the same number one after the other.
        var generation: UInt32 = 0
        /// Owner on the guest's file system.
        var user: UInt32 = 0
        /// Group on the guest's file system.
        var group: UInt32 = 0
        /// Permission bits on the guest's file system.
        var permissions: UInt16 = 0
        fileprivate var exportNumber: UInt16
        /// Whether it was made through this bridge: then it began without any attributes.
        var isNew = false
        fileprivate var isUsed = true

        fileprivate init(_ handle: FileHandle, _ export: Int) {
            self.handle = handle
            exportNumber = UInt16(export)
        }

        /// Which export it is in.
        var export: Int { Int(exportNumber) }
        /// Permission bits, as wide as the system's.
        var mode: UInt32 { UInt32(permissions) }
    }

    private var nodes: [Node] = []
    private var index = PlaceIndex()
    private var free: [UInt32] = []

    /// How many files are known.
    var count: Int { nodes.count - free.count }

    /// The file with the kernel's number; nil where it is not known.
    subscript(number: UInt64) -> Node? {
        guard let place = place(number) else { return nil }
        return nodes[place]
    }

    /// The kernel's number of a file that is already known.
    func number(of handle: FileHandle, export: Int) -> UInt64? {
        find(handle, export).map { UInt64($0 + 1) }
    }

    /// The kernel's number of a file, and its generation; it is made known where it was not.
    ///
    /// - Parameter counted: whether the kernel is being told, and will forget it once.
    func enter(
        _ handle: FileHandle, export: Int, _ attributes: NFSAttributes?, counted: Bool = true
    ) -> (number: UInt64, generation: UInt32) {
        let place = find(handle, export) ?? add(handle, export)
        if counted { nodes[place].lookups += 1 }
        let number = UInt64(place + 1)
        if let attributes { note(number, attributes) }
        return (number, nodes[place].generation)
    }

    /// Makes a file known that was just made, under a handle that another may have had before.
    ///
    /// The kernel may still know that one: its number no longer leads to a file.
    func enterNew(_ handle: FileHandle, export: Int) {
        if let place = find(handle, export), UInt64(place + 1) != Self.root {
            unlist(place)
            nodes[place].handle = .none
        }
        nodes[add(handle, export)].isNew = true
    }

    /// Remembers what the server said of a file.
    func note(_ number: UInt64, _ attributes: NFSAttributes) {
        guard let place = place(number) else { return }
        nodes[place].permissions = UInt16(attributes.mode)
        nodes[place].user = attributes.user
        nodes[place].group = attributes.group
        nodes[place].state?.note(attributes)
    }

    /// Remembers that a file may have got attributes of its own.
    func noteAttributes(_ number: UInt64) {
        if let place = place(number) { nodes[place].isNew = false }
    }

    /// Takes back that the kernel was told of a file so many times.
    func forget(_ number: UInt64, _ count: UInt64) {
        guard let place = place(number) else { return }
        nodes[place].lookups -= min(count, nodes[place].lookups)
        release(number)
    }

    /// The open state of a file, made where there is none.
    func state(of number: UInt64) -> NodeState? {
        guard let place = place(number) else { return nil }
        if let state = nodes[place].state { return state }
        let state = NodeState(number: number)
        nodes[place].state = state
        return state
    }

    /// Lets go of what is no longer needed of a file: its open state, or all of it.
    func release(_ number: UInt64) {
        guard let place = place(number) else { return }
        if let state = nodes[place].state {
            guard state.isIdle else { return }
            nodes[place].state = nil
        }
        guard nodes[place].lookups == 0, number != Self.root else { return }
        if nodes[place].handle != .none { unlist(place) }
        nodes[place].isUsed = false
        free.append(UInt32(place))
    }

    /// Every file that has an open state.
    func states() -> [NodeState] { nodes.compactMap { $0.isUsed ? $0.state : nil } }
}

extension NodeTable {
    private func place(_ number: UInt64) -> Int? {
        guard number >= 1, number <= UInt64(nodes.count) else { return nil }
        let place = Int(number - 1)
        return nodes[place].isUsed ? place : nil
    }

    private func find(_ handle: FileHandle, _ export: Int) -> Int? {
        index.find(hash: Self.hash(handle, UInt16(export))) { place in
            nodes[place].exportNumber == UInt16(export) && nodes[place].handle == handle
        }
    }

    private func add(_ handle: FileHandle, _ export: Int) -> Int {
        let place: Int
        if let old = free.popLast() {
            place = Int(old)
            let generation = nodes[place].generation &+ 1
            nodes[place] = Node(handle, export)
            nodes[place].generation = generation
        } else {
            place = nodes.count
            nodes.append(Node(handle, export))
        }
        index.add(place, hash: hash(place)) { hash($0) }
        return place
    }

    private func unlist(_ place: Int) {
        index.remove(place, hash: hash(place)) { hash($0) }
    }

    private func hash(_ place: Int) -> Int {
        Self.hash(nodes[place].handle, nodes[place].exportNumber)
    }

    private static func hash(_ handle: FileHandle, _ export: UInt16) -> Int {
        var hasher = Hasher()
        hasher.combine(handle)
        hasher.combine(export)
        return hasher.finalize()
    }
}
