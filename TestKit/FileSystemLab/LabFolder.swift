import Glibc
import Platform
import Synchronization

/// The folder in which a process makes its images, and which goes with it.
///
/// A claim on the folder says that its process lives: what a process left that was killed is
/// removed by the next one. Any thread.
enum LabFolder {
    /// What a folder's name begins with; the number of the process follows.
    static let prefix = "causeway-images-"

    private static let made = Mutex<[(path: String, claim: OwnedFD)]>([])

    /// Makes and claims the folder of this process, and removes those of processes that have ended.
    static func make(below parent: String) throws -> String {
        for name in try Files.list(parent) where isAbandoned(name, below: parent) {
            remove("\(parent)/\(name)")
        }
        let path = "\(parent)/\(prefix)\(getpid())"
        try Files.makeDirectories(path, mode: 0o755)
        let claim = try Files.open(path, [.readOnly, .directory])
        guard try Files.claim(claim) else { throw LabError("\(path) is another process's") }
        let isFirst = made.withLock { made in
            made.append((path, claim))
            return made.count == 1
        }
        if isFirst { atexit { LabFolder.removeAll() } }
        return path
    }

    /// Whether a name is that of a folder whose process has ended; where processes are counted
    /// otherwise, in a container, the claim tells.
    private static func isAbandoned(_ name: String, below parent: String) -> Bool {
        guard name.hasPrefix(prefix), let process = pid_t(name.dropFirst(prefix.count)),
            process == getpid() || (kill(process, 0) != 0 && errno == ESRCH),
            let folder = try? Files.open(
                "\(parent)/\(name)", [.readOnly, .directory, .noFollow])
        else { return false }
        return (try? Files.isClaimed(folder)) == false
    }

    private static func removeAll() {
        for (path, _) in made.withLock({ $0 }) { remove(path) }
    }

    /// Removes a folder and all that is in it, but nothing that is mounted there.
    static func remove(_ path: String) {
        // Folders without permission to write in them cannot be emptied otherwise.
        _ = try? Command.run("chmod", ["-R", "u+rwX", path])
        _ = try? Command.run("rm", ["-rf", "--one-file-system", path])
    }
}
