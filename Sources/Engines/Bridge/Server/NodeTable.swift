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
        /// What the server calls it.
        var handle: FileHandle
        /// Which export it is in.
        var export: Int
        /// Tells files apart that had the same number one after the other.
        var generation: UInt32 = 0
        /// How often the kernel was told of it, and has not forgotten it.
        var lookups: UInt64 = 0
        /// Permission bits on the guest's file system.
        var mode: UInt32 = 0
        /// Owner on the guest's file system.
        var user: UInt32 = 0
        /// Group on the guest's file system.
        var group: UInt32 = 0
        /// What is open or not yet written of it.
        var state: NodeState?
        /// Whether the place is in use.
        var isUsed = true
    }

    private struct Key: Hashable {
        var handle: FileHandle
        var export: Int
    }

    private var nodes: [Node] = []
    private var places: [Key: Int] = [:]
    private var free: [Int] = []

    /// How many files are known.
    var count: Int { places.count }

    /// The file with the kernel's number; nil where it is not known.
    subscript(number: UInt64) -> Node? {
        guard number >= 1, number <= UInt64(nodes.count) else { return nil }
        let node = nodes[Int(number - 1)]
        return node.isUsed ? node : nil
    }

    /// The kernel's number of a file that is already known.
    func number(of handle: FileHandle, export: Int) -> UInt64? {
        places[Key(handle: handle, export: export)].map { UInt64($0 + 1) }
    }

    /// The kernel's number of a file, and its generation; it is made known where it was not.
    ///
    /// - Parameter counted: whether the kernel is being told, and will forget it once.
    func enter(
        _ handle: FileHandle, export: Int, _ attributes: NFSAttributes?, counted: Bool = true
    ) -> (number: UInt64, generation: UInt32) {
        let key = Key(handle: handle, export: export)
        let place = places[key] ?? add(key)
        if counted { nodes[place].lookups += 1 }
        let number = UInt64(place + 1)
        if let attributes { note(number, attributes) }
        return (number, nodes[place].generation)
    }

    /// Remembers what the server said of a file.
    func note(_ number: UInt64, _ attributes: NFSAttributes) {
        guard self[number] != nil else { return }
        let place = Int(number - 1)
        nodes[place].mode = attributes.mode
        nodes[place].user = attributes.user
        nodes[place].group = attributes.group
        nodes[place].state?.note(attributes)
    }

    /// Takes back that the kernel was told of a file so many times.
    func forget(_ number: UInt64, _ count: UInt64) {
        guard self[number] != nil else { return }
        let place = Int(number - 1)
        nodes[place].lookups -= min(count, nodes[place].lookups)
        release(number)
    }

    /// The open state of a file, made where there is none.
    func state(of number: UInt64) -> NodeState? {
        guard let node = self[number] else { return nil }
        if let state = node.state { return state }
        let state = NodeState(number: number)
        nodes[Int(number - 1)].state = state
        return state
    }

    /// Lets go of what is no longer needed of a file: its open state, or all of it.
    func release(_ number: UInt64) {
        guard let node = self[number] else { return }
        let place = Int(number - 1)
        if let state = node.state {
            guard state.isIdle else { return }
            nodes[place].state = nil
        }
        guard node.lookups == 0, number != Self.root else { return }
        places[Key(handle: node.handle, export: node.export)] = nil
        nodes[place].isUsed = false
        free.append(place)
    }

    /// Every file that has an open state.
    func states() -> [NodeState] { nodes.compactMap { $0.isUsed ? $0.state : nil } }

    private func add(_ key: Key) -> Int {
        let place: Int
        if let old = free.popLast() {
            place = old
            let generation = nodes[old].generation &+ 1
            nodes[old] = Node(handle: key.handle, export: key.export, generation: generation)
        } else {
            place = nodes.count
            nodes.append(Node(handle: key.handle, export: key.export))
        }
        places[key] = place
        return place
    }
}
