import Glibc
import Platform

/// A private folder for the time of one look at a source, besides those of sessions.
///
/// It is claimed as long as its process lives; whoever makes the next one takes away those whose
/// processes were killed.
struct ProbeFolder {
    /// The folder.
    let path: String
    /// Marks it as in use; held, never used.
    private let claim: OwnedFD

    private static let prefix = "probe-"

    /// Makes one, and takes away what others have left.
    init(below runtime: String) throws(SessionError) {
        Self.sweep(runtime)
        let name = Host.randomBytes(6).map { String($0, radix: 16) }.joined()
        let path = "\(runtime)/\(Self.prefix)\(name)"
        claim = try SessionError.wrap(.host, "cannot make \(path)") { () throws(SystemError) in
            try Files.makeDirectories(path, mode: 0o700)
            // It gets its name when it is claimed: whoever sweeps meets it in use, or not at all.
            let lock = try Files.open("\(path)/lock.new", [.readWrite, .create])
            guard try Files.claim(lock) else { throw SystemError(errno: EBUSY, call: "claim") }
            try Files.rename("\(path)/lock.new", to: "\(path)/lock")
            return lock
        }
        self.path = path
    }

    /// Removes it with everything in it.
    func remove() { Self.remove(path) }

    private static func remove(_ path: String) {
        ImageDisk.sweep(path)
        SessionRegistry.removeTree(path, depth: 1)
    }

    private static func sweep(_ runtime: String) {
        for name in (try? Files.list(runtime)) ?? [] where name.hasPrefix(prefix) {
            let path = "\(runtime)/\(name)"
            guard !SessionRegistry.isAlive(path) else { continue }
            if Files.exists("\(path)/lock") || SessionRegistry.isOld(path) { remove(path) }
        }
    }
}
