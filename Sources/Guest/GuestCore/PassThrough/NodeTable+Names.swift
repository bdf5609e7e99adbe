/// Names in folders: find, enter, move, remove, list.
extension NodeTable {
    /// The entry of a name.
    func entry(_ name: some Collection<UInt8>, in parent: NodeID) -> EntryID? {
        index.find(parent: parent, name: name) { id in
            entries[Int(id)].parent == parent
                && index.bytes(entries[Int(id)].name).elementsEqual(name)
        }
    }

    /// The bytes of an entry's name.
    func name(of entry: EntryID) -> ArraySlice<UInt8> { index.bytes(entries[Int(entry)].name) }

    /// Enters a name that is not there yet; nil where the table is full.
    mutating func insert(
        _ name: some Collection<UInt8>, in parent: NodeID, kind: UInt8, inode: UInt64
    ) -> EntryID? {
        guard let kept = index.keep(name) else { return nil }
        let entry = Entry(
            parent: parent, name: kept, kind: kind, cookie: nextCookie, inode: inode)
        let id: EntryID
        if unusedEntry != 0 {
            id = unusedEntry
            unusedEntry = entries[Int(id)].next
            entries[Int(id)] = entry
        } else {
            guard entries.count <= Limits.entries else { return nil }
            id = EntryID(entries.count)
            entries.append(entry)
        }
        nextCookie += 1
        link(id)
        return id
    }

    /// Removes a name; its node goes with its last name.
    mutating func remove(_ entry: EntryID) {
        unlink(entry)
        detach(entry)
        let isTimeToCompact = index.discard(entries[Int(entry)].name)
        entries[Int(entry)].parent = 0
        entries[Int(entry)].next = unusedEntry
        unusedEntry = entry
        if isTimeToCompact { compactNames() }
    }

    /// Gives an entry another name, perhaps in another folder, where that name is not in use.
    ///
    /// False where the table is full; nothing has changed then.
    mutating func move(
        _ entry: EntryID, to parent: NodeID, name: some Collection<UInt8>
    ) -> Bool {
        guard let kept = index.keep(name) else { return false }
        unlink(entry)
        let isTimeToCompact = index.discard(entries[Int(entry)].name)
        entries[Int(entry)].parent = parent
        entries[Int(entry)].name = kept
        entries[Int(entry)].cookie = nextCookie
        nextCookie += 1
        link(entry)
        if isTimeToCompact { compactNames() }
        return true
    }

    /// The first entry of a folder whose cookie is greater.
    func firstEntry(in parent: NodeID, after cookie: UInt64) -> EntryID? {
        // Cookies grow along the list; most listings go on near where they stopped, at the end.
        var entry = nodes[Int(parent)].firstChild
        while entry != 0 && entries[Int(entry)].cookie <= cookie {
            entry = entries[Int(entry)].nextSibling
        }
        return entry == 0 ? nil : entry
    }

    /// The entry behind this one in the same folder.
    func entryAfter(_ entry: EntryID) -> EntryID? {
        let next = entries[Int(entry)].nextSibling
        return next == 0 ? nil : next
    }

    /// The names that lead from the root to a node, outermost first; nil where there is no way
    /// or it is too long.
    func way(to node: NodeID) -> [EntryID]? {
        var names: [EntryID] = []
        var node = node
        while node != Self.root {
            let entry = nodes[Int(node)].names
            guard entry != 0, names.count < Limits.depth else { return nil }
            names.append(entry)
            node = entries[Int(entry)].parent
        }
        names.reverse()
        return names
    }

    /// Enters an entry into its folder's list, at the end, and into the index.
    private mutating func link(_ id: EntryID) {
        let parent = Int(entries[Int(id)].parent)
        let last = nodes[parent].lastChild
        entries[Int(id)].previousSibling = last
        entries[Int(id)].nextSibling = 0
        if last == 0 {
            nodes[parent].firstChild = id
        } else {
            entries[Int(last)].nextSibling = id
        }
        nodes[parent].lastChild = id
        let entries = entries
        index.enter(id, parent: UInt32(parent), name: entries[Int(id)].name) { other in
            (entries[Int(other)].parent, entries[Int(other)].name)
        }
    }

    private mutating func unlink(_ id: EntryID) {
        let entry = entries[Int(id)]
        let parent = Int(entry.parent)
        if entry.previousSibling == 0 {
            nodes[parent].firstChild = entry.nextSibling
        } else {
            entries[Int(entry.previousSibling)].nextSibling = entry.nextSibling
        }
        if entry.nextSibling == 0 {
            nodes[parent].lastChild = entry.previousSibling
        } else {
            entries[Int(entry.nextSibling)].previousSibling = entry.previousSibling
        }
        index.leave(id, parent: entry.parent, name: entry.name)
    }

    private mutating func compactNames() {
        var moved = entries
        index.compact { move in
            for id in moved.indices where moved[id].parent != 0 {
                moved[id].name = move(moved[id].name)
            }
        }
        entries = moved
    }
}
