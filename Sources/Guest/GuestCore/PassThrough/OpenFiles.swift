import Glibc
import Platform

/// The files that a pass-through holds open, the most recently used last.
///
/// The kernel's FUSE client neither opens nor closes here (FUSE_NO_OPEN_SUPPORT), which saves
/// four system calls for every small file; so files are opened on first use and closed when
/// others crowd them out.
struct OpenFiles {
    /// Most files held open.
    static let limit = 32

    private struct File {
        var node: NodeTable.NodeID
        var descriptor: OwnedFD
        var isWritable: Bool
    }

    private var files: [File] = []

    /// The open file of a node; nil where it is not open, or not for writing where that counts.
    mutating func descriptor(of node: NodeTable.NodeID, forWriting: Bool) -> OwnedFD? {
        guard let index = files.lastIndex(where: { $0.node == node }) else { return nil }
        guard files[index].isWritable || !forWriting else { return nil }
        if index != files.count - 1 { files.append(files.remove(at: index)) }
        return files.last?.descriptor
    }

    /// Keeps an open file in place of what was there for this node.
    mutating func keep(_ descriptor: OwnedFD, of node: NodeTable.NodeID, isWritable: Bool) {
        close(node)
        if files.count >= Self.limit { files.removeFirst() }
        files.append(File(node: node, descriptor: descriptor, isWritable: isWritable))
    }

    /// Closes the file of a node, where it is open.
    mutating func close(_ node: NodeTable.NodeID) { files.removeAll { $0.node == node } }

    /// Closes everything.
    mutating func closeAll() { files.removeAll() }
}
