/// Nodes and names of a pass-through: what the kernel calls a node, and where the file is.
///
/// A *node* is a file or folder under an id that never changes and is never used for another
/// file (id and generation together). An *entry* is a name of a node in a folder; a node with
/// several entries has several names. An entry may be known before its node: a folder's listing
/// gives names, and the node is made when somebody asks for it.
///
/// Nothing is forgotten but removed files, so an NFS file handle stays good for as long as the
/// guest lives. Pure: no input or output, one owner.
struct NodeTable {
    /// Names a node towards the kernel; the root is 1.
    typealias NodeID = UInt32
    /// Names an entry; 0 is none.
    typealias EntryID = UInt32

    /// Bounds of what a session can see.
    enum Limits {
        static let entries = 4_000_000
        /// Most folders one inside the other.
        static let depth = 4096
    }

    /// The root's id.
    static let root: NodeID = 1

    struct Entry {
        var parent: NodeID
        var node: NodeID = 0
        var name: NameIndex.Name
        /// DT_… of readdir(3), 0 where unknown.
        var kind: UInt8
        /// Where a listing goes on after this entry; grows with every entry of the table.
        var cookie: UInt64
        /// Inode number that the folder's listing gave.
        var inode: UInt64
        var nextSibling: EntryID = 0
        var previousSibling: EntryID = 0
        /// Next name of the same node; for an unused entry, the next unused one.
        var next: EntryID = 0
    }

    struct Node {
        /// The first of its names; 0 for the root and for what was removed.
        var names: EntryID = 0
        var firstChild: EntryID = 0
        var lastChild: EntryID = 0
        var generation: UInt32
        var isInUse = true
        /// Whether every name of this folder is in the table.
        var isListed = false
        /// How often the kernel was told of this node and has not forgotten it.
        var lookups: UInt64 = 0
        /// Inode number, where this node is known by it.
        var sharedInode: UInt64?
    }

    var index = NameIndex()
    var entries: [Entry] = []
    var nodes: [Node] = []
    var unusedEntry: EntryID = 0
    var unusedNodes: [NodeID] = []
    /// Cookies 1 and 2 stand for `.` and `..`.
    var nextCookie: UInt64 = 3
    /// Nodes with several names, by inode number.
    private var shared: [UInt64: NodeID] = [:]

    /// A table that knows the root.
    init() {
        entries.append(
            Entry(parent: 0, name: .init(offset: 0, count: 0), kind: 0, cookie: 0, inode: 0))
        nodes = [Node(generation: 0, isInUse: false), Node(generation: 0)]
    }

    /// Whether the kernel may know this node: it exists, perhaps without a name.
    func isInUse(_ node: UInt64) -> Bool {
        node < nodes.count && nodes[Int(node)].isInUse
    }

    /// Whether the node can be reached: it is the root or has a name.
    func isReachable(_ node: NodeID) -> Bool {
        node == Self.root || nodes[Int(node)].names != 0
    }

    /// The generation that belongs to the id.
    func generation(of node: NodeID) -> UInt32 { nodes[Int(node)].generation }

    /// The folder that holds the node; the root holds itself.
    func parent(of node: NodeID) -> NodeID {
        let name = nodes[Int(node)].names
        return name == 0 ? Self.root : entries[Int(name)].parent
    }

    /// The node of an entry, made where it was not known; nil where the table is full.
    mutating func node(of entry: EntryID) -> NodeID? {
        let known = entries[Int(entry)].node
        if known != 0 { return known }
        let id: NodeID
        if let reused = unusedNodes.popLast() {
            id = reused
            nodes[Int(id)] = Node(generation: nodes[Int(id)].generation &+ 1)
        } else {
            guard nodes.count <= Limits.entries else { return nil }
            id = NodeID(nodes.count)
            nodes.append(Node(generation: 0))
        }
        attach(entry, to: id)
        return id
    }

    /// Makes an entry a further name of a node; the entry has no node yet.
    mutating func attach(_ entry: EntryID, to node: NodeID) {
        precondition(entries[Int(entry)].node == 0, "an entry has one node")
        entries[Int(entry)].node = node
        entries[Int(entry)].next = nodes[Int(node)].names
        nodes[Int(node)].names = entry
    }

    /// The node that carries this inode number under several names.
    func node(sharing inode: UInt64) -> NodeID? { shared[inode] }

    /// Remembers a node by its inode number, because it has several names.
    mutating func share(_ node: NodeID, inode: UInt64) {
        nodes[Int(node)].sharedInode = inode
        shared[inode] = node
    }

    /// Counts that the kernel was told of a node.
    mutating func noteLookup(of node: NodeID) { nodes[Int(node)].lookups += 1 }

    /// Counts that the kernel has forgotten a node `count` times; frees it when it was removed.
    mutating func noteForgotten(_ node: UInt64, count: UInt64) {
        guard isInUse(node) else { return }
        let lookups = nodes[Int(node)].lookups
        nodes[Int(node)].lookups = lookups - min(lookups, count)
        freeIfGone(NodeID(node))
    }

    /// Takes one name from its node and frees a node that has none left and is not looked at.
    mutating func detach(_ entry: EntryID) {
        let node = entries[Int(entry)].node
        guard node != 0 else { return }
        if nodes[Int(node)].names == entry {
            nodes[Int(node)].names = entries[Int(entry)].next
        } else {
            var name = nodes[Int(node)].names
            while name != 0 && entries[Int(name)].next != entry { name = entries[Int(name)].next }
            if name != 0 { entries[Int(name)].next = entries[Int(entry)].next }
        }
        entries[Int(entry)].node = 0
        entries[Int(entry)].next = 0
        freeIfGone(node)
    }

    private mutating func freeIfGone(_ node: NodeID) {
        guard node != Self.root, nodes[Int(node)].names == 0, nodes[Int(node)].isInUse else {
            return
        }
        if let inode = nodes[Int(node)].sharedInode, shared[inode] == node {
            shared[inode] = nil
            nodes[Int(node)].sharedInode = nil
        }
        guard nodes[Int(node)].lookups == 0, nodes[Int(node)].firstChild == 0 else { return }
        nodes[Int(node)].isInUse = false
        unusedNodes.append(node)
    }
}
