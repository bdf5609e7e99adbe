import Glibc
import Platform

/// The source, opened and claimed for one session.
///
/// The claim is a lock on the open file: it ends with the session process however that ends. Every
/// opener of Causeway's takes it, so a source is never used twice, not even for reading.
struct SourceClaim {
    /// The open source, read-only unless the session writes to it.
    let descriptor: OwnedFD
    /// Device and inode.
    let identity: String

    /// Opens and claims; refuses where another session holds the source, and says which.
    init(path: String, writing: Bool, registry: SessionRegistry) throws(SessionError) {
        do throws(SystemError) {
            descriptor = try Files.open(
                path, writing ? [.readWrite, .nonblocking] : [.readOnly, .nonblocking])
            let status = try Files.status(descriptor)
            guard status.kind == .file || status.kind == .blockDevice else {
                throw SystemError(errno: EINVAL, call: "use \(path)")
            }
            identity =
                status.kind == .blockDevice
                ? "block:\(status.specialDevice)" : "\(status.device):\(status.inode)"
            if try Files.claim(descriptor) { return }
        } catch {
            throw Self.explain(error, path: path, writing: writing)
        }
        throw Self.refusal(path: path, holder: registry.holder(ofSource: identity))
    }

    private static func refusal(path: String, holder: SessionRecord?) -> SessionError {
        guard let holder else {
            return SessionError(
                .source, "\(path) is in use by another process, which holds a lock on it",
                remedy: "End it first. A session of another user does not show in `causeway list`.",
                exit: .busy)
        }
        let pid = holder.processes["session"].map { ", process \($0)" } ?? ""
        return SessionError(
            .source, "\(path) is already in use by session \(holder.id)\(pid)",
            remedy:
                "It is mounted on \(holder.mountpoint). `causeway unmount \(holder.id)` frees it.",
            exit: .busy)
    }

    private static func explain(_ error: SystemError, path: String, writing: Bool) -> SessionError {
        switch error.errno {
        case ENOENT, ENOTDIR:
            SessionError(
                .source, "\(path) does not exist", remedy: "Check the name.", exit: .sourceUnusable)
        case EACCES, EPERM, EROFS:
            SessionError(
                .source, "no permission to \(writing ? "write" : "read") \(path)",
                remedy: writing
                    ? "Give yourself permission, or mount read-only or with --scratch."
                    : "Give yourself permission to read it; for a disk, join the group `disk`.",
                exit: .sourceUnusable)
        case EINVAL:
            SessionError(
                .source, "\(path) is neither a file nor a block device",
                remedy: "Name an image file or a device.", exit: .sourceUnusable)
        default:
            SessionError(
                .source, "cannot open \(path): \(error)", remedy: "", exit: .sourceUnusable)
        }
    }
}
