import Glibc
import Platform

/// The source, opened and claimed for one session.
///
/// The claim is a lock on the open file: it ends with the session process however that ends. Every
/// opener of Causeway's takes it, so a source is never used twice, not even for reading. What the
/// host's own kernel uses, as a mounted disk or through a loop device, is refused as well: it
/// changes without anybody telling, and writing to it would destroy it.
struct SourceClaim {
    /// The open source, read-only unless the session writes to it.
    let descriptor: OwnedFD
    /// Device and inode.
    let identity: String

    /// Opens and claims; refuses where another session holds the source, and says which.
    ///
    /// - Parameter forHost: leaves a block device to the host's own driver, which the kernel would
    ///   refuse it otherwise.
    init(
        path: String, writing: Bool, registry: SessionRegistry, forHost: Bool = false
    ) throws(SessionError) {
        let status: FileStatus
        let isOurs: Bool
        do throws(SystemError) {
            let access: OpenFlags = [writing ? .readWrite : .readOnly, .nonblocking]
            let alone = try Files.open(path, access.union(.exclusive))
            descriptor = forHost ? try Files.open(path, access) : alone
            status = try Files.status(descriptor)
            guard status.kind == .file || status.kind == .blockDevice else {
                throw SystemError(errno: EINVAL, call: "use \(path)")
            }
            isOurs = try Files.claim(descriptor)
        } catch {
            throw Self.explain(error, path: path, writing: writing, registry: registry)
        }
        identity = Self.identity(status)
        // The kernel lets such a device be opened for writing, and fails every write.
        if writing, status.kind == .blockDevice,
            (try? BlockNode.isReadOnly(descriptor)) == true
        {
            throw SessionError(
                .source, "the device \(path) is read-only",
                remedy: "Use it read-only or with --scratch; `blockdev --setrw` may change it.",
                exit: .sourceUnusable)
        }
        guard isOurs else {
            throw Self.refusal(path: path, holder: registry.holder(ofSource: identity))
        }
        if let use = HostUse.ofFile(status) { throw Self.refusal(path: path, use: use) }
    }

    private static func identity(_ status: FileStatus) -> String {
        status.kind == .blockDevice
            ? "block:\(status.specialDevice)" : "\(status.device):\(status.inode)"
    }

    private static func refusal(path: String, holder: SessionRecord?) -> SessionError {
        guard let holder else {
            return SessionError(
                .source, "\(path) is in use by another process, which holds a lock on it",
                remedy: "End it first. A session of another user does not show in `causeway list`.",
                exit: .busy)
        }
        let place =
            holder.mountpoint.isEmpty ? "It is exported." : "It is mounted on \(holder.mountpoint)."
        let pid = holder.processes["session"].map { ", process \($0)" } ?? ""
        return SessionError(
            .source, "\(path) is already in use by session \(holder.id)\(pid)",
            remedy: "\(place) `causeway unmount \(holder.id)` frees it.",
            exit: .busy)
    }

    private static func refusal(path: String, use: HostUse) -> SessionError {
        SessionError(
            .source, "\(path) is in use by this host: \(use.words)", remedy: use.remedy,
            exit: .busy)
    }

    /// A device that the kernel does not give away: a session has it, or the kernel itself.
    private static func refuseDevice(_ path: String, registry: SessionRegistry) -> SessionError {
        guard let status = try? Files.status(path) else {
            return refusal(path: path, use: .held)
        }
        if let holder = registry.holder(ofSource: identity(status)) {
            return refusal(path: path, holder: holder)
        }
        return refusal(path: path, use: HostUse.ofDevice(status.specialDeviceName))
    }

    private static func explain(
        _ error: SystemError, path: String, writing: Bool, registry: SessionRegistry
    ) -> SessionError {
        switch error.errno {
        case EBUSY: refuseDevice(path, registry: registry)
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
