public import Platform
public import Sandbox

/// Why a storage daemon could not serve a source, or could not end cleanly.
public enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// qemu-storage-daemon is not installed.
    case daemonMissing
    /// The plan cannot be carried out; in words.
    case plan(String)
    /// An overlay file does not belong to this window; in words.
    case overlay(path: String, reason: String)
    /// The sandbox did not start.
    case sandbox(SandboxError)
    /// The daemon could not open the source or an overlay; its own words.
    case refused([String])
    /// The daemon did not answer within this time.
    case silent(milliseconds: Int64)
    /// The daemon ended by itself.
    case ended(ProcessEnd, [String])
    /// The daemon ended, but said that something could not be written; its own words.
    case unclean([String])
    /// What the guest had flushed could not be made durable.
    case notDurable(String, SystemError)
    /// A merge of an overlay into the source failed; the daemon's words.
    case commit(String)
    /// A system call failed.
    case system(SystemError)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .daemonMissing: "storage: qemu-storage-daemon is not installed"
        case .plan(let reason): "storage: \(reason)"
        case .overlay(let path, let reason): "storage: the overlay \(path) \(reason)"
        case .sandbox(let error): error.cause
        case .refused(let words): "storage: the image cannot be opened: \(Self.brief(words))"
        case .silent(let milliseconds):
            "storage: the storage daemon gave no answer for \(milliseconds) ms"
        case .ended(let end, let words):
            "storage: the storage daemon ended (\(end)): \(Self.brief(words))"
        case .unclean(let words): "storage: not everything was written: \(Self.brief(words))"
        case .notDurable(let path, let error): "storage: \(path) cannot be synced: \(error)"
        case .commit(let words): "storage: the overlay cannot be committed: \(words)"
        case .system(let error): "storage: \(error)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .daemonMissing: "Install the package qemu-utils."
        case .plan: "`causeway probe` shows the source's layers and sizes."
        case .overlay: "Give it up with `causeway discard`, or restore the file."
        case .sandbox(let error): error.remedy
        case .refused: "Check the image with its own tools, and that --format is right."
        case .silent: "The source's device may be stuck; see the system's log."
        case .ended: "See `causeway logs`; what was not flushed before is lost."
        case .unclean, .notDurable:
            "Check free space and the health of the disk below, then check the file system."
        case .commit: "Nothing is lost: make room or restore access, and commit again."
        case .system: "See the system's message."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }

    private static func brief(_ words: [String]) -> String {
        words.last.map { String($0.prefix(400)) } ?? "it said nothing"
    }
}
