import FoundationEssentials
import Platform
import Sessions

/// The folder of a mount, checked before anything starts.
struct MountTarget {
    /// Absolute path.
    let path: String
    /// Whether this program made it.
    let wasMade: Bool

    /// Resolves a source's path; missing files are told from unreadable ones.
    static func source(_ source: String) throws(SessionError) -> String {
        do { return try Files.realPath(source) } catch {
            throw SessionError(
                .source, "\(source): \(SystemError.words(error.errno))",
                remedy: "Check the name.", exit: .sourceUnusable)
        }
    }

    /// The absolute path of a file that is still to be made, in a folder that is there.
    static func newFile(_ path: String) throws(SessionError) -> String {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = parts.removeLast()
        let folder = parts.isEmpty ? "." : parts.joined(separator: "/")
        do { return try Files.realPath(folder.isEmpty ? "/" : folder) + "/\(name)" } catch {
            throw SessionError(
                .target, "\(path): \(SystemError.words(error.errno))",
                remedy: "Make its folder first.")
        }
    }

    /// Checks the folder, or makes one below ~/Causeway.
    init(source: String, mountpoint: String?) throws(SessionError) {
        guard let mountpoint else {
            path = try Self.makeDefault(source)
            wasMade = true
            return
        }
        wasMade = false
        let status: FileStatus
        do {
            path = try Files.realPath(mountpoint)
            status = try Files.status(path)
        } catch {
            throw SessionError(
                .mountpoint, "\(mountpoint): \(SystemError.words(error.errno))",
                remedy: error.errno == 107
                    ? "A dead mount is in the way: `causeway unmount \(mountpoint)` removes it."
                    : "Make the folder first: mkdir -p \(mountpoint)")
        }
        guard status.kind == .directory else {
            throw SessionError(
                .mountpoint, "\(mountpoint) is not a folder", remedy: "Name an empty folder.")
        }
        guard !MountTable.isMounted(path) else {
            throw SessionError(
                .mountpoint, "something is already mounted on \(path)",
                remedy: "Unmount it, or name another folder.", exit: .busy)
        }
        guard let names = try? Files.list(path), names.isEmpty else {
            throw SessionError(
                .mountpoint, "\(mountpoint) is not an empty folder that you may read",
                remedy: "Name an empty folder; its content would be hidden.")
        }
    }

    private static func makeDefault(_ source: String) throws(SessionError) -> String {
        let environment = ProcessInfo.processInfo.environment
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw SessionError(
                .mountpoint, "there is no home folder to make a folder in",
                remedy: "Name the folder to mount on.", exit: .environment)
        }
        let base = source.split(separator: "/").last.map(String.init) ?? "source"
        let parent = "\(home)/Causeway"
        return try wrapping("cannot make a folder below \(parent)") { () throws(SystemError) in
            try Files.makeDirectories(parent, mode: 0o700)
            for attempt in 1...1000 {
                let path = parent + "/" + base + (attempt == 1 ? "" : "-\(attempt)")
                if try Files.makeNewDirectory(path) { return path }
            }
            throw SystemError(errno: 17, call: "mkdir \(parent)/\(base)")
        }
    }

    private static func wrapping<Value>(
        _ cause: String, _ body: () throws(SystemError) -> Value
    ) throws(SessionError) -> Value {
        do { return try body() } catch {
            throw SessionError(
                .mountpoint, "\(cause): \(error)", remedy: "Name the folder to mount on.")
        }
    }
}
