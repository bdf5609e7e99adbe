import FUSEWire
import Glibc
import Platform

/// Names in folders: look up, make, remove, rename.
extension PassThroughServer {
    /// LOOKUP, `.` and `..` included, by which the kernel finds what an NFS handle names.
    func lookUp(_ name: [UInt8], in parent: NodeTable.NodeID) throws(SystemError) -> FUSEReply {
        if name == Array(".".utf8) || name == Array("..".utf8) {
            let node = name.count == 1 ? parent : table.parent(of: parent)
            return .entry(reveal(node: node, try status(node), nameSeconds: 0))
        }
        guard let found = try find(name, in: parent) else {
            // Another spelling may be created later: then nothing can be remembered.
            if traits.foldsNames { return .failure(ENOENT) }
            return .entry(
                FUSEEntry(
                    node: 0, generation: 0, nameSeconds: Self.cacheSeconds, attributeSeconds: 0,
                    attributes: nil))
        }
        return .entry(try reveal(found.entry, found.status, isExact: found.isExact))
    }

    /// The entry that a name, perhaps spelled differently, leads to; nil where there is none.
    func find(
        _ name: [UInt8], in parent: NodeTable.NodeID
    ) throws(SystemError) -> (entry: NodeTable.EntryID, status: stat, isExact: Bool)? {
        guard name.count <= 255 else { throw SystemError(errno: ENAMETOOLONG, call: "look up") }
        if traits.foldsNames, table.entry(name, in: parent) == nil { try list(parent) }
        if let entry = table.entry(name, in: parent) {
            if let status = try statusIfPresent(parent, name) { return (entry, status, true) }
            forget(entry)
            return nil
        }
        let isListed = table.nodes[Int(parent)].isListed
        guard traits.foldsNames || !isListed,
            let status = try statusIfPresent(parent, name)
        else { return nil }
        if traits.foldsNames,
            let spelled = try entry(withInode: UInt64(status.st_ino), in: parent)
        {
            return (spelled, status, false)
        }
        return (try insert(name, in: parent, status), status, !traits.foldsNames)
    }

    /// MKNOD and MKDIR: `body` makes the file and returns 0, or -1 and errno.
    func make(
        _ header: FUSERequestHeader, _ name: [UInt8], in parent: NodeTable.NodeID,
        _ body: (BytePath) -> Int32
    ) throws(SystemError) -> FUSEReply {
        guard name.count <= 255 else { throw SystemError(errno: ENAMETOOLONG, call: "make") }
        let status = try withPath(parent, name) { path throws(SystemError) in
            try Self.check(body(path))
            if header.user != 0 || header.group != 0 { try own(path, header, parent) }
            var status = stat()
            try Self.check(lstat(path, &status))
            return status
        }
        if let stale = table.entry(name, in: parent) { forget(stale) }
        return .entry(try reveal(try insert(name, in: parent, status), status))
    }

    /// SYMLINK.
    func makeLink(
        _ header: FUSERequestHeader, _ name: [UInt8], to target: [UInt8],
        in parent: NodeTable.NodeID
    ) throws(SystemError) -> FUSEReply {
        let text = target.map { CChar(bitPattern: $0) } + [0]
        return try make(header, name, in: parent) { symlink(text, $0) }
    }

    /// LINK: a further name for a node.
    func link(
        _ existing: UInt64, to name: [UInt8], in parent: NodeTable.NodeID
    ) throws(SystemError) -> FUSEReply {
        guard table.isInUse(existing) else { throw SystemError(errno: ESTALE, call: "link") }
        guard name.count <= 255 else { throw SystemError(errno: ENAMETOOLONG, call: "link") }
        let node = NodeTable.NodeID(existing)
        let status = try withPath(node) { old throws(SystemError) in
            try withPath(parent, name) { new throws(SystemError) in
                try Self.check(Glibc.link(old, new))
                var status = stat()
                try Self.check(lstat(new, &status))
                return status
            }
        }
        if let stale = table.entry(name, in: parent) { forget(stale) }
        table.attach(try insert(name, in: parent, status), to: node)
        if traits.keepsInodeNumbers { table.share(node, inode: UInt64(status.st_ino)) }
        return .entry(reveal(node: node, status, nameSeconds: nameSeconds))
    }

    /// UNLINK and RMDIR: `body` removes the file and returns 0, or -1 and errno.
    func remove(
        _ name: [UInt8], in parent: NodeTable.NodeID, _ body: (BytePath) -> Int32
    ) throws(SystemError) -> FUSEReply {
        let entry = try known(name, in: parent)
        try withPath(parent, entry.map { Array(table.name(of: $0)) } ?? name) {
            path throws(SystemError) in try Self.check(body(path))
        }
        if let entry { forget(entry) }
        return .done
    }

    /// RENAME and RENAME2 without flags, which NFS does not know.
    func rename(
        _ name: [UInt8], in parent: NodeTable.NodeID, to newName: [UInt8], in newParent: UInt64,
        flags: UInt32
    ) throws(SystemError) -> FUSEReply {
        guard flags == 0 else { throw SystemError(errno: EINVAL, call: "rename") }
        guard table.isInUse(newParent) else { throw SystemError(errno: ESTALE, call: "rename") }
        guard newName.count <= 255 else { throw SystemError(errno: ENAMETOOLONG, call: "rename") }
        let newParent = NodeTable.NodeID(newParent)
        let source = try known(name, in: parent)
        let target = try known(newName, in: newParent)
        let spelled = source.map { Array(table.name(of: $0)) } ?? name
        try withPath(parent, spelled) { old throws(SystemError) in
            try withPath(newParent, newName) { new throws(SystemError) in
                try Self.check(Glibc.rename(old, new))
            }
        }
        if let target, target != source { forget(target) }
        if let source, !table.move(source, to: newParent, name: newName) {
            forget(source)
            table.nodes[Int(newParent)].isListed = false
        }
        return .done
    }

    /// The entry of a name, found under another spelling where the file system folds names.
    private func known(
        _ name: [UInt8], in parent: NodeTable.NodeID
    ) throws(SystemError) -> NodeTable.EntryID? {
        if let entry = table.entry(name, in: parent) { return entry }
        return traits.foldsNames ? try find(name, in: parent)?.entry : nil
    }

    /// Enters a name that the file system has and the table has not.
    private func insert(
        _ name: [UInt8], in parent: NodeTable.NodeID, _ status: stat
    ) throws(SystemError) -> NodeTable.EntryID {
        let kind = UInt8(truncatingIfNeeded: (status.st_mode & S_IFMT) >> 12)
        let entry = table.insert(name, in: parent, kind: kind, inode: UInt64(status.st_ino))
        guard let entry else { throw SystemError(errno: ENOMEM, call: "enter a name") }
        return entry
    }

    /// Drops a name that is gone, and the open file behind it.
    private func forget(_ entry: NodeTable.EntryID) {
        files.close(table.entries[Int(entry)].node)
        table.remove(entry)
    }

    /// Gives a new file the caller's owner and group; the group of a set-group-id folder stays.
    private func own(
        _ path: BytePath, _ header: FUSERequestHeader, _ parent: NodeTable.NodeID
    ) throws(SystemError) {
        let keepsGroup = try status(parent).st_mode & S_ISGID != 0
        if lchown(path, header.user, keepsGroup ? gid_t.max : header.group) == 0 { return }
        // File systems without owners refuse; they show their files under a fixed one.
        guard errno == EPERM || errno == EOPNOTSUPP || errno == EINVAL else {
            throw SystemError(errno: errno, call: "lchown")
        }
    }
}
