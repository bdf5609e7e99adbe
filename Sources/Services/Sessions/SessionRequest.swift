public import StorageDaemon

/// What happens to writes.
public enum WriteMode: String, Codable, Sendable {
    /// The folder is read-only; the guest's own writes (journal replay) go to an overlay that is
    /// thrown away.
    case readOnly = "read-only"
    /// Writes go to the source.
    case write
    /// Writes go to an overlay that is kept.
    case scratch
}

/// Everything a session process needs to know, handed over by the command that starts it.
public struct SessionRequest: Codable, Sendable {
    /// The source's absolute path, links resolved.
    public var source: String
    /// The folder to mount on, absolute; empty for an export.
    public var mountpoint: String
    /// Whether the session made that folder and removes it at the end.
    public var removesMountpoint: Bool
    /// Format of the source; raw unless the user says otherwise, never guessed.
    public var format: ImageFormat
    /// What happens to writes.
    public var mode: WriteMode
    /// The partition to use, such as `2` or `2.1`; nil for every usable file system.
    public var partition: String?
    /// The file system to take it for, by its name in the catalogue; nil for what was recognised.
    public var fileSystem: String?
    /// The hypervisor to use (`uml`, `qemu-kvm`, `qemu-tcg`); nil for the ladder's choice.
    public var hypervisor: String?
    /// Whether the host's own driver mounts it, without a guest.
    public var isNative: Bool
    /// Guest memory in MiB.
    public var memoryMiB: Int
    /// Whether on-disk owners are shown as they are.
    public var faithful: Bool
    /// Whether other users may enter the folder.
    public var allowOther: Bool
    /// Who owns everything in the folder unless `faithful`.
    public var user: UInt32
    /// The group of everything in the folder unless `faithful`.
    public var group: UInt32
    /// Whether the session ends, by force, when the command that asked for it does.
    public var endsWithLauncher: Bool
    /// Whether files are shown as it is safe to copy them: no set-user-ID bits, no devices.
    public var isForCopying: Bool
    /// What clients are given blocks by; nil for a folder.
    public var export: ExportRequest?
    /// Where Causeway keeps its files.
    public var folders: CausewayFolders

    /// Makes a request.
    public init(
        source: String, mountpoint: String, mode: WriteMode, user: UInt32, group: UInt32,
        folders: CausewayFolders
    ) {
        self.source = source
        self.mountpoint = mountpoint
        self.mode = mode
        self.user = user
        self.group = group
        self.folders = folders
        format = .raw
        removesMountpoint = false
        isNative = false
        memoryMiB = Self.defaultMemoryMiB
        faithful = false
        allowOther = false
        endsWithLauncher = false
        isForCopying = false
    }

    /// Guest memory unless the user asks for more, in MiB.
    public static let defaultMemoryMiB = 256
    /// What a guest can be given, in MiB: less does not boot.
    public static let memoryRange = 96...65_536
}
