/// Finds places in a table by the hash of what is kept there: four bytes a place and as much again.
///
/// Open addressing with linear probing; removal moves later entries up, so there are no
/// gravestones. The table's owner compares and hashes. One thread.
struct PlaceIndex {
    private static let empty = UInt32.max

    private var slots = [UInt32](repeating: PlaceIndex.empty, count: 64)
    /// How many places are in the index.
    private(set) var count = 0

    /// The place with this hash that `matches`.
    func find(hash: Int, matches: (Int) -> Bool) -> Int? {
        var slot = hash & mask
        while slots[slot] != Self.empty {
            let place = Int(slots[slot])
            if matches(place) { return place }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Adds a place that is not in the index; `hashOf` gives the hash of any that is.
    mutating func add(_ place: Int, hash: Int, hashOf: (Int) -> Int) {
        if (count + 1) * 2 > slots.count { grow(hashOf) }
        put(UInt32(place), hash)
        count += 1
    }

    /// Takes a place out; nothing where it is not in the index.
    mutating func remove(_ place: Int, hash: Int, hashOf: (Int) -> Int) {
        var slot = hash & mask
        while slots[slot] != UInt32(place) {
            guard slots[slot] != Self.empty else { return }
            slot = (slot + 1) & mask
        }
        count -= 1
        var hole = slot
        slot = (slot + 1) & mask
        while slots[slot] != Self.empty {
            let home = hashOf(Int(slots[slot])) & mask
            // Moves up unless its home lies behind the hole.
            if (slot &- home) & mask >= (slot &- hole) & mask {
                slots[hole] = slots[slot]
                hole = slot
            }
            slot = (slot + 1) & mask
        }
        slots[hole] = Self.empty
    }

    private var mask: Int { slots.count - 1 }

    private mutating func put(_ place: UInt32, _ hash: Int) {
        var slot = hash & mask
        while slots[slot] != Self.empty { slot = (slot + 1) & mask }
        slots[slot] = place
    }

    private mutating func grow(_ hashOf: (Int) -> Int) {
        let old = slots
        slots = [UInt32](repeating: Self.empty, count: old.count * 2)
        for place in old where place != Self.empty { put(place, hashOf(Int(place))) }
    }
}
