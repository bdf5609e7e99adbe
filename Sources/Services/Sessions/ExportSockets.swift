import Platform

/// The Unix sockets of exports: names in the file system, which outlive a session that was killed.
///
/// Everything happens under one lock of this user's, so that two sessions cannot take over one name
/// at once, and none is looked at between its making and its first listening.
struct ExportSockets {
    let registry: SessionRegistry

    /// Time that another session's hold on the lock is waited for, in milliseconds.
    private static let limit: Int64 = 5000

    /// EADDRINUSE.
    private static let inUse: Int32 = 98

    /// Listens at a path.
    ///
    /// Takes it over where a dead session of this user's has left it; throws EADDRINUSE where
    /// somebody serves it, or it is another's.
    func listen(at path: String) throws(SystemError) -> OwnedFD {
        let lock = try claim()
        defer { withExtendedLifetime(lock) {} }
        do { return try UnixSocket.listen(at: path) } catch {
            let isLeft = registry.list().contains { record in
                record.state == .dead && record.sockets?.contains(path) == true
            }
            guard error.errno == Self.inUse, isLeft, Self.removeUnserved(path) else { throw error }
            return try UnixSocket.listen(at: path)
        }
    }

    /// Removes what a dead session has left, but nothing that somebody has put in its place.
    func removeLeft(by record: SessionRecord) {
        guard let paths = record.sockets, !paths.isEmpty, let lock = try? claim() else { return }
        for path in paths { _ = Self.removeUnserved(path) }
        withExtendedLifetime(lock) {}
    }

    /// Removes a socket that nobody serves; whether it did.
    private static func removeUnserved(_ path: String) -> Bool {
        guard (try? UnixSocket.isServed(path)) == false else { return false }
        return (try? Files.remove(path)) != nil
    }

    private func claim() throws(SystemError) -> OwnedFD {
        let lock = try Files.open(
            "\(registry.folders.runtime)/sockets.lock", [.readWrite, .create])
        let end = Clock.milliseconds() + Self.limit
        while try !Files.claim(lock) {
            guard Clock.milliseconds() < end else {
                throw SystemError(errno: Self.inUse, call: "wait for another session")
            }
            Clock.sleep(milliseconds: 5)
        }
        return lock
    }
}
