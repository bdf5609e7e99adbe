import Glibc

/// A process that keeps a file system busy.
public struct FolderUser: Sendable, Equatable {
    /// Process id.
    public var process: Int32
    /// Its command name.
    public var command: String
    /// What it holds: `current folder`, `open file NAME`, `program`.
    public var holds: String
}

/// Finds who keeps a mounted folder busy.
///
/// Reads /proc; sees the processes this user may look into.
public enum FolderUsers {
    /// Processes with a file, current folder, root or program below `folder`, at most `limit`.
    ///
    /// Compares paths, never touching the folder itself, so a dead mount cannot block it.
    ///
    /// - Parameter own: a process that is not meant.
    public static func find(
        below folder: String, besides own: Int32? = nil, limit: Int = 32
    ) -> [FolderUser] {
        var users: [FolderUser] = []
        let processes = ((try? Files.list("/proc")) ?? []).compactMap { Int32($0) }.sorted()
        for process in processes where users.count < limit && process != own {
            guard let holds = firstHold(of: process, below: folder) else { continue }
            let name = (try? Files.readText("/proc/\(process)/comm", limit: 64)) ?? "?"
            users.append(
                FolderUser(
                    process: process, command: String(name.prefix { $0 != "\n" }), holds: holds))
        }
        return users
    }

    private static func firstHold(of process: Int32, below folder: String) -> String? {
        for (link, words) in [("cwd", "current folder"), ("root", "root"), ("exe", "program")] {
            if let path = try? Files.readLink("/proc/\(process)/\(link)"), isInside(path, folder) {
                return "\(words) \(path)"
            }
        }
        for descriptor in (try? Files.list("/proc/\(process)/fd")) ?? [] {
            if let path = try? Files.readLink("/proc/\(process)/fd/\(descriptor)"),
                isInside(path, folder)
            {
                return "open file \(path)"
            }
        }
        return nil
    }

    private static func isInside(_ path: String, _ folder: String) -> Bool {
        path == folder || path.hasPrefix(folder + "/")
    }
}
