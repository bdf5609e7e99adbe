import Glibc
public import Platform
public import Sandbox

/// Why a storage daemon could not serve a source, or could not end cleanly.
public enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// qemu-storage-daemon is not installed.
    case daemonMissing
    /// The plan cannot be carried out; in words.
    case plan(String)
    /// The image only holds the difference to another one: what the header calls it, where it does.
    case difference(to: String?)
    /// The image's header names another file, as QEMU calls it.
    case otherFile(String)
    /// QEMU cannot write images of this format.
    case readOnlyFormat(ImageFormat)
    /// An overlay file does not belong to this window; in words.
    case overlay(path: String, reason: String)
    /// An overlay file could not be made; nothing of it is left.
    case overlayNotMade(path: String, SystemError)
    /// A VHDX's log was set up and never written, which QEMU cannot get over.
    case halfMadeLog
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

    /// What happened.
    public var cause: String {
        switch self {
        case .daemonMissing: "qemu-storage-daemon is not installed"
        case .plan(let reason): "\(reason)"
        case .difference(let other):
            "the image is a difference to another one\(other.map { " (\($0))" } ?? ""), "
                + "which is not supported"
        case .otherFile(let name):
            "the image's header names another file (\(name)), and none is ever opened unasked"
        case .readOnlyFormat(let format):
            "images in format \(format.rawValue) can only be read"
        case .overlay(let path, let reason): "the overlay \(path) \(reason)"
        case .overlayNotMade(let path, let error):
            "the overlay \(path) cannot be made: \(error)"
        case .halfMadeLog:
            "the image's log was left half-made by a QEMU that was interrupted, "
                + "and QEMU cannot write it any more"
        case .sandbox(let error): error.cause
        case .refused(let words): "the image cannot be opened: \(Self.brief(words))"
        case .silent(let milliseconds):
            "the storage daemon gave no answer for \(milliseconds) ms"
        case .ended(let end, let words):
            "the storage daemon ended (\(end)): \(Self.brief(words))"
        case .unclean(let words): "not everything was written: \(Self.brief(words))"
        case .notDurable(let path, let error): "\(path) cannot be synced: \(error)"
        case .commit(let words): "the overlay cannot be committed: \(words)"
        case .system(let error): "\(error)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .daemonMissing: "Install the package qemu-utils."
        case .plan: "`causeway probe` shows the source's layers and sizes."
        case .difference:
            "Merge the two first: `qemu-img convert` makes one image, where it finds the other."
        case .otherFile: "Make one image of both: `qemu-img convert`."
        case .readOnlyFormat: "Use --scratch, or convert the image with `qemu-img convert`."
        case .overlay: "Give it up with `causeway discard`, or restore the file."
        case .overlayNotMade(_, let error):
            [ENOSPC, EDQUOT].contains(error.errno)
                ? "Make room on the file system it lies on." : "See the system's message."
        case .halfMadeLog:
            "Copy it with `qemu-img convert -O vhdx` to a new image, and use that in its place."
        case .sandbox(let error): error.remedy
        case .refused(let words): Self.remedy(for: words)
        case .silent: "The source's device may be stuck; see the system's log."
        case .ended: "See `causeway logs`; what was not flushed before is lost."
        case .unclean, .notDurable:
            "Check free space and the health of the disk below, then check the file system."
        case .commit: "Nothing is lost: make room or restore access, and commit again."
        case .system: "See the system's message."
        }
    }

    /// Layer, cause and remedy, in one sentence each.
    public var description: String { "storage: \(cause). \(remedy)" }

    /// What the daemon complained of, without our own argument that it repeats before it.
    ///
    /// A hint may follow the complaint on lines of its own.
    static func brief(_ words: [String]) -> String {
        let name = "qemu-storage-daemon: "
        guard let line = words.last(where: { $0.hasPrefix(name) }) ?? words.last else {
            return "it said nothing"
        }
        var rest = line[...]
        if rest.hasPrefix(name) { rest = rest.dropFirst(name.count) }
        if rest.hasPrefix("--"), let end = rest.firstRange(of: "}: ") {
            rest = rest[end.upperBound...]
        }
        return String(rest.prefix(400))
    }

    /// What helps against a complaint about an image.
    static func remedy(for words: [String]) -> String {
        let complaint = brief(words)
        let known = [
            ("needs to be replayed", "Use --write once: that replays its log."),
            ("encrypt", "It is encrypted: decrypt it with `qemu-img convert` first."),
            (
                "Could not open '/source': Permission",
                "Run Causeway as the image's owner: what opens it has no rights of root's."
            ),
            (
                "No such file",
                "Its header names another file: make one image of both with `qemu-img convert`."
            ),
        ]
        return known.first { complaint.contains($0.0) }?.1
            ?? "Check the image with its own tools, and that --format is right."
    }
}
