import Bridge
import GuestLink
import GuestWire
import Platform
import StorageDaemon
import VirtualMachine

/// One running mapping and all it owns.
///
/// Belongs to one thread: the session process's main thread.
final class Session {
    let request: SessionRequest
    let registry: SessionRegistry
    let log: SessionLog
    /// What others see; `publish` writes it down.
    var record: SessionRecord
    /// Marks the session as alive; held, never used.
    private let aliveClaim: OwnedFD
    /// The source, claimed.
    let source: SourceClaim
    /// Where commands reach the session.
    let listener: OwnedFD

    var storage: StorageDaemon?
    var machine: ChildProcess?
    var bridge: BridgeHandle?
    var guest: GuestConnection?
    var targets: TargetHandle?
    /// The export as a device of this host.
    var local: LocalAttachment?
    /// The mounted folder of its file.
    var localFolder: String?
    var exports: [ExportDescription] = []
    /// The folder below the mount, claimed; held, never used.
    private var mountpointClaim: OwnedFD?
    /// Kept overlays, claimed; held, never used.
    var overlayClaim: OwnedFD?
    /// Overlay files that end with the session.
    var temporaryOverlays: [String] = []
    /// Whether the folder is mounted, as far as we know.
    var isMounted = false

    /// Claims the source and a name; nothing runs yet.
    init(_ request: SessionRequest) throws(SessionError) {
        self.request = request
        registry = SessionRegistry(folders: request.folders)
        try request.folders.prepareRuntime(user: Host.user)
        source = try SourceClaim(
            path: request.source, writing: request.mode == .write, registry: registry,
            forHost: request.isNative)
        try OverlayStore(folders: request.folders).checkUse(
            of: request.source, mode: request.mode)
        let id = Self.makeName(source: request.source)
        aliveClaim = try registry.claim(id)
        let folder = registry.folder(of: id)
        (log, listener) = try SessionError.wrap(.session, "cannot prepare \(folder)") {
            () throws(SystemError) in
            (
                try SessionLog(path: "\(folder)/log"),
                try UnixSocket.listen(at: "\(folder)/control")
            )
        }
        record = SessionRecord(
            id: id, source: request.source, sourceIdentity: source.identity,
            mountpoint: request.mountpoint, removesMountpoint: request.removesMountpoint,
            mode: request.mode, state: .starting, failure: nil, hypervisor: "",
            processes: ["session": Host.process], volumes: [], started: Clock.wallSeconds(),
            phases: [])
        publish()
    }

    /// Makes the record visible to others; failing to is noted, not fatal.
    func publish() {
        do { try registry.write(record) } catch { log.note("cannot write the record: \(error)") }
    }

    /// The session's own folder.
    var folder: String { registry.folder(of: record.id) }

    /// Takes the folder to mount on for this session; refuses where another session has it.
    func claimMountpoint() throws(SessionError) {
        let path = request.mountpoint
        let isOurs = try SessionError.wrap(.mountpoint, "cannot use \(path)") {
            () throws(SystemError) in
            let folder = try Files.open(path, [.readOnly, .directory])
            mountpointClaim = folder
            return try Files.claim(folder)
        }
        guard isOurs, !MountTable.isMounted(path) else {
            throw SessionError(
                .mountpoint, "something is mounted on \(path), or is just being mounted",
                remedy: "Name another folder.", exit: .busy)
        }
    }

    /// Notes that the folder is mounted, and by which device number it is found again.
    func noteMounted() {
        isMounted = true
        guard !request.isNative else { return }
        record.mountDevice = MountTable.device(of: request.mountpoint)
    }

    /// Marks the session as failed; the first reason stays.
    func fail(_ reason: String) {
        log.note(reason)
        if record.failure == nil { record.failure = reason }
        record.state = .failed
        publish()
    }

    /// A name that a person can type: from the source's name, made unique.
    private static func makeName(source: String) -> String {
        let base = source.split(separator: "/").last.map(String.init) ?? "source"
        let stem = base.split(separator: ".", omittingEmptySubsequences: true).first ?? "source"
        let word = stem.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(
            16)
        let suffix = hexadecimal(Host.randomBytes(3))
        return "\(word.isEmpty ? "source" : String(word))-\(suffix)"
    }
}
