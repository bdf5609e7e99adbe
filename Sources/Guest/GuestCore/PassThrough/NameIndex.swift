/// File names under their parents: bytes in one store, found by a hash table.
///
/// Hundreds of thousands of names have to fit into a guest of 256 MB, so a name costs its bytes
/// and about six more. The hash is seeded at random: a hostile image cannot aim at it.
struct NameIndex {
    /// Where a name's bytes are.
    struct Name {
        var offset: UInt32
        var count: UInt8
    }

    private static let empty: UInt32 = 0
    private static let deleted = UInt32.max

    private var store: [UInt8] = []
    private var wasted = 0
    private var slots = [UInt32](repeating: Self.empty, count: 64)
    private var used = 0

    /// Most bytes of names that are kept.
    static let storeLimit = 256 << 20

    /// Keeps a name of 1 to 255 bytes; nil where the store is full.
    mutating func keep(_ name: some Collection<UInt8>) -> Name? {
        precondition((1...255).contains(name.count), "a name has 1 to 255 bytes")
        guard store.count + name.count <= Self.storeLimit else { return nil }
        let kept = Name(offset: UInt32(store.count), count: UInt8(name.count))
        store.append(contentsOf: name)
        return kept
    }

    /// The bytes of a name.
    func bytes(_ name: Name) -> ArraySlice<UInt8> {
        store[Int(name.offset)..<Int(name.offset) + Int(name.count)]
    }

    /// Gives up a name's bytes; true when it is time to call `compact`.
    mutating func discard(_ name: Name) -> Bool {
        wasted += Int(name.count)
        return wasted > 1 << 20 && wasted > store.count / 2
    }

    /// Rewrites the store without the wasted bytes; `each` moves every name that is in use.
    mutating func compact(_ each: ((Name) -> Name) -> Void) {
        var fresh: [UInt8] = []
        fresh.reserveCapacity(store.count - wasted)
        each { name in
            let moved = Name(offset: UInt32(fresh.count), count: name.count)
            fresh.append(contentsOf: bytes(name))
            return moved
        }
        store = fresh
        wasted = 0
    }

    /// Finds the id that `matches` accepts among those entered under this parent and name.
    func find(
        parent: UInt32, name: some Collection<UInt8>, matches: (UInt32) -> Bool
    ) -> UInt32? {
        var slot = Self.hash(parent, name) & (slots.count - 1)
        while slots[slot] != Self.empty {
            if slots[slot] != Self.deleted, matches(slots[slot]) { return slots[slot] }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// Enters an id; `locate` tells the parent and name of any id that is in the index.
    mutating func enter(
        _ id: UInt32, parent: UInt32, name: Name, locate: (UInt32) -> (UInt32, Name)
    ) {
        if (used + 1) * 4 > slots.count * 3 { grow(locate) }
        place(id, Self.hash(parent, bytes(name)))
    }

    /// Takes an id out.
    mutating func leave(_ id: UInt32, parent: UInt32, name: Name) {
        var slot = Self.hash(parent, bytes(name)) & (slots.count - 1)
        while slots[slot] != Self.empty {
            if slots[slot] == id {
                slots[slot] = Self.deleted
                return
            }
            slot = (slot + 1) & (slots.count - 1)
        }
    }

    private mutating func place(_ id: UInt32, _ hash: Int) {
        var slot = hash & (slots.count - 1)
        while slots[slot] != Self.empty && slots[slot] != Self.deleted {
            slot = (slot + 1) & (slots.count - 1)
        }
        if slots[slot] == Self.empty { used += 1 }
        slots[slot] = id
    }

    private mutating func grow(_ locate: (UInt32) -> (UInt32, Name)) {
        let ids = slots.filter { $0 != Self.empty && $0 != Self.deleted }
        var size = slots.count
        while (ids.count + 1) * 2 > size { size *= 2 }
        slots = [UInt32](repeating: Self.empty, count: size)
        used = 0
        for id in ids {
            let (parent, name) = locate(id)
            place(id, Self.hash(parent, bytes(name)))
        }
    }

    private static func hash(_ parent: UInt32, _ name: some Collection<UInt8>) -> Int {
        var hasher = Hasher()
        hasher.combine(parent)
        let done: Void? = name.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if done == nil { Array(name).withUnsafeBytes { hasher.combine(bytes: $0) } }
        return hasher.finalize()
    }
}
