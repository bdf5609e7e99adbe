/// The name of a Unix socket, as whoever bound it knows it: to remove it again, and no other.
///
/// The kernel lets a name be removed and bound anew while the first socket still listens, so the
/// path alone does not say whose it is. An inode is not used again while the socket that it was
/// made for is open, so `remove` is for before that is closed. Any thread.
public struct SocketName: Sendable {
    /// Where it is.
    public let path: String
    private let device: UInt64
    private let inode: UInt64

    /// Notes what a path names now, which is to be right after binding; nil where that is nothing.
    public init?(_ path: String) {
        guard let status = try? Files.status(path, followLinks: false) else { return nil }
        self.path = path
        device = status.device
        inode = status.inode
    }

    /// Whether the path still names the same.
    public var isCurrent: Bool {
        guard let status = try? Files.status(path, followLinks: false) else { return false }
        return status.device == device && status.inode == inode
    }

    /// Removes the name if it is still the same; that somebody else removed it is no error.
    public func remove() {
        if isCurrent { try? Files.remove(path) }
    }
}
