import FUSEWire
import Glibc
import Platform

/// From nodes to paths and attributes.
extension PassThroughServer {
    /// Longest path given to one system call, its NUL included (PATH_MAX).
    private static let pathLimit = 4096

    /// Calls `body` with the path of a node, or of a name in a folder.
    ///
    /// A path past the kernel's limit is entered in stages through /proc/self/fd. ESTALE where
    /// the node has been removed.
    func withPath<Result>(
        _ node: NodeTable.NodeID, _ name: [UInt8]? = nil,
        _ body: (BytePath) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        guard let way = table.way(to: node) else {
            throw SystemError(errno: ESTALE, call: "find the way")
        }
        var path = base.map { CChar(bitPattern: $0) }
        var anchor: OwnedFD?
        func append(_ part: some Collection<UInt8>) throws(SystemError) {
            if path.count + part.count + 2 > Self.pathLimit {
                let opened = try BytePaths.open(
                    path + [0], flags: BytePaths.nameOnly | O_DIRECTORY)
                path = "/proc/self/fd/\(opened.raw)".utf8.map { CChar(bitPattern: $0) }
                anchor = opened
            }
            path.append(0x2f)
            path.append(contentsOf: part.lazy.map { CChar(bitPattern: $0) })
        }
        for entry in way { try append(table.name(of: entry)) }
        if let name { try append(name) }
        path.append(0)
        defer { withExtendedLifetime(anchor) {} }
        return try body(path)
    }

    /// lstat(2) of a node, or of a name in a folder.
    func status(
        _ node: NodeTable.NodeID, _ name: [UInt8]? = nil
    ) throws(SystemError) -> stat {
        try withPath(node, name) { path throws(SystemError) in
            var status = stat()
            try Self.check(lstat(path, &status))
            return status
        }
    }

    /// As `status`, but nil where the name leads nowhere.
    func statusIfPresent(
        _ node: NodeTable.NodeID, _ name: [UInt8]
    ) throws(SystemError) -> stat? {
        do { return try status(node, name) } catch  where error.errno == ENOENT { return nil }
    }

    /// Attributes as the kernel wants them.
    func attributes(_ status: stat, of node: NodeTable.NodeID) -> FUSEAttributes {
        func time(_ value: timespec) -> FUSETime {
            FUSETime(
                seconds: UInt64(bitPattern: Int64(value.tv_sec)),
                nanoseconds: UInt32(truncatingIfNeeded: value.tv_nsec))
        }
        return FUSEAttributes(
            inode: traits.keepsInodeNumbers ? UInt64(status.st_ino) : UInt64(node),
            size: UInt64(bitPattern: Int64(status.st_size)),
            blocks: UInt64(bitPattern: Int64(status.st_blocks)),
            accessTime: time(status.st_atim), modificationTime: time(status.st_mtim),
            changeTime: time(status.st_ctim), mode: status.st_mode,
            linkCount: UInt32(truncatingIfNeeded: status.st_nlink), user: status.st_uid,
            group: status.st_gid, device: UInt32(truncatingIfNeeded: status.st_rdev),
            blockSize: UInt32(truncatingIfNeeded: status.st_blksize))
    }

    /// The node of an entry, given the status of the file it names.
    ///
    /// Names of one file lead to one node: a file with several names is known by its number.
    func node(
        of entry: NodeTable.EntryID, _ status: stat
    ) throws(SystemError) -> NodeTable.NodeID {
        let hasNames = status.st_nlink > 1 && status.st_mode & S_IFMT != S_IFDIR
        let inode = UInt64(status.st_ino)
        if hasNames && traits.keepsInodeNumbers {
            if table.entries[Int(entry)].node == 0, let known = table.node(sharing: inode) {
                table.attach(entry, to: known)
            }
        }
        guard let node = table.node(of: entry) else {
            throw SystemError(errno: ENOMEM, call: "make a node")
        }
        if hasNames && traits.keepsInodeNumbers && table.node(sharing: inode) == nil {
            table.share(node, inode: inode)
        }
        return node
    }

    /// Tells the kernel of an entry's node, and counts that it was told.
    ///
    /// - Parameter isExact: false for another spelling of the name, which the kernel must not
    ///   rely on: it would not learn that the file lost its name.
    func reveal(
        _ entry: NodeTable.EntryID, _ status: stat, isExact: Bool = true
    ) throws(SystemError) -> FUSEEntry {
        let node = try node(of: entry, status)
        return reveal(node: node, status, nameSeconds: isExact ? nameSeconds : 0)
    }

    /// Tells the kernel of a node, and counts that it was told.
    func reveal(node: NodeTable.NodeID, _ status: stat, nameSeconds: UInt64) -> FUSEEntry {
        table.noteLookup(of: node)
        return FUSEEntry(
            node: UInt64(node), generation: UInt64(table.generation(of: node)),
            nameSeconds: nameSeconds, attributeSeconds: Self.cacheSeconds,
            attributes: attributes(status, of: node))
    }

    /// Turns a libc result into an error.
    static func check(_ result: Int32) throws(SystemError) {
        guard result == 0 else { throw SystemError(errno: errno, call: "pass-through") }
    }
}
