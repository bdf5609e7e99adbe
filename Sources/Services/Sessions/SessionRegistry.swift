import FoundationEssentials
import Glibc
import Platform

/// The sessions of this user: one folder each below the runtime folder.
///
/// A session holds a claim on `lock` in its folder as long as it lives, so a dead one is told from
/// a living one without trusting process ids.
public struct SessionRegistry: Sendable {
    /// Where Causeway keeps its files.
    public let folders: CausewayFolders

    /// Reads the registry in these folders.
    public init(folders: CausewayFolders) { self.folders = folders }

    /// The folder of a session.
    public func folder(of id: String) -> String { "\(folders.sessions)/\(id)" }

    /// Every session, oldest first.
    ///
    /// Folders without a record that nobody claims are left over from a start that was cut short;
    /// they are removed. Where the runtime folder is not ours alone, there are no sessions of ours.
    public func list() -> [SessionRecord] {
        guard (try? folders.checkRuntime(user: Host.user)) != nil else { return [] }
        let ids = (try? Files.list(folders.sessions)) ?? []
        return ids.compactMap { record(of: $0) }.sorted {
            ($0.started, $0.id) < ($1.started, $1.id)
        }
    }

    /// One session's record; its state is `dead` where the process is gone.
    func record(of id: String) -> SessionRecord? {
        let folder = folder(of: id)
        guard let bytes = try? Files.read("\(folder)/session.json", limit: 1 << 20),
            var record = try? JSONDecoder().decode(SessionRecord.self, from: Data(bytes))
        else {
            if !Self.isAlive(folder), Self.isOld(folder) { removeFolder(of: id) }
            return nil
        }
        // Asked last: who has written a record has had its claim before.
        if !Self.isAlive(folder) { record.state = .dead }
        return record
    }

    /// Finds a session by its name, its folder, its source, a URL of its export, or its device.
    public func find(_ words: String) -> SessionRecord? {
        let all = list()
        if let record = all.first(where: { $0.id == words }) { return record }
        // The last path component of a dead mount cannot be resolved, its parent can.
        let path = Self.absolute(words)
        return all.last { $0.mountpoint == path }
            ?? all.last { $0.mountDevice != nil && $0.mountedFolder == path }
            ?? all.last { $0.source == path }
            ?? all.last { $0.urls?.contains(words) == true }
            ?? all.last { $0.device?.path == path }
    }

    /// The session that holds this source, if one of ours does.
    public func holder(ofSource identity: String) -> SessionRecord? {
        list().last { $0.sourceIdentity == identity && $0.state != .dead }
    }

    /// Takes the claim that marks a session as alive; keep the descriptor.
    func claim(_ id: String) throws(SessionError) -> OwnedFD {
        let folder = folder(of: id)
        return try SessionError.wrap(.session, "cannot make \(folder)") { () throws(SystemError) in
            try Files.makeDirectories(folder, mode: 0o700)
            let lock = try Files.open("\(folder)/lock", [.readWrite, .create])
            // Someone who lists sessions may be asking at this moment.
            for _ in 0..<100 {
                if try Files.claim(lock) { return lock }
                Clock.sleep(milliseconds: 5)
            }
            throw SystemError(errno: EBUSY, call: "claim \(folder)")
        }
    }

    /// Writes a session's record, whole or not at all.
    func write(_ record: SessionRecord) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try Files.replace(
            "\(folder(of: record.id))/session.json", with: [UInt8](encoder.encode(record)))
    }

    /// Removes a session's folder and everything in it.
    public func removeFolder(of id: String) {
        Self.removeTree(folder(of: id), depth: 3)
    }

    /// Removes a folder of ours; bounded in depth, never following links.
    static func removeTree(_ path: String, depth: Int) {
        for name in (try? Files.list(path)) ?? [] {
            let child = "\(path)/\(name)"
            let isFolder = (try? Files.status(child, followLinks: false).kind) == .directory
            if isFolder, depth > 0 {
                removeTree(child, depth: depth - 1)
            } else {
                try? Files.remove(child)
            }
        }
        try? Files.removeDirectory(path)
    }

    /// The absolute form of a path whose last component may be a dead mount.
    public static func absolute(_ path: String) -> String {
        if let resolved = try? Files.realPath(path) { return resolved }
        var trimmed = path
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else {
            return ((try? Files.realPath(".")) ?? "") + "/" + trimmed
        }
        let parent = slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
        guard let resolved = try? Files.realPath(parent) else { return trimmed }
        return (resolved == "/" ? "" : resolved) + trimmed[slash...]
    }

    /// Whether somebody claims a folder.
    static func isAlive(_ folder: String) -> Bool {
        guard let lock = try? Files.open("\(folder)/lock", .readOnly) else { return false }
        return (try? Files.isClaimed(lock)) ?? true
    }

    /// Whether a folder is past the moment between its making and its claim.
    static func isOld(_ folder: String) -> Bool {
        guard let status = try? Files.status(folder) else { return false }
        return Clock.wallSeconds() - status.modifiedNanoseconds / 1_000_000_000 > 60
    }
}
