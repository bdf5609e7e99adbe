/// Where a session stands.
public enum SessionState: String, Codable, Sendable {
    /// The folder is not usable yet.
    case starting
    /// The folder is usable.
    case usable
    /// A part ended unexpectedly; the folder answers with errors until it is unmounted.
    case failed
    /// Detaching.
    case detaching
    /// The session process itself is gone; only `unmount` can tidy up.
    case dead
}

/// A running session as others see it: the content of `session.json` in its folder.
public struct SessionRecord: Codable, Sendable {
    /// One file system of a session.
    public struct Volume: Codable, Sendable {
        /// Sub-folder, empty where it is the root of the mount.
        public var name: String
        /// Partition, such as `2` or `2.1`; `whole` for a source without partitions.
        public var partition: String
        /// File-system type, in the catalogue's words.
        public var type: String
        /// The guest driver that mounted it.
        public var driver: String
        /// Whether it is read-only in the guest.
        public var readOnly: Bool
        /// Whether it was left in order before the mount: clean, dirty, damaged, unknown.
        public var stateBefore: String
        /// Why, in words; nil for clean.
        public var stateReason: String?
    }

    /// An export as a device of this host.
    public struct Device: Codable, Sendable {
        /// How it was made: nbd, iscsi, file.
        public var way: String
        /// The block device's path, or the file's.
        public var path: String
        /// Whether it is a block device, not a file alone.
        public var isBlockDevice: Bool
        /// Why it is no more than a file.
        public var note: String?
        /// The iSCSI target's name.
        public var target: String?
        /// The iSCSI target's address.
        public var portal: String?
    }

    /// The session's name, unique on this host for this user.
    public var id: String
    /// The source's absolute path.
    public var source: String
    /// Device and inode of the source: its identity whatever its name.
    public var sourceIdentity: String
    /// The folder; empty for an export.
    public var mountpoint: String
    /// The device number of our mount, `major:minor`: finds it where its folder has been moved.
    public var mountDevice: String?
    /// Whether the session made the folder.
    public var removesMountpoint: Bool
    /// What happens to writes.
    public var mode: WriteMode
    /// Where it stands.
    public var state: SessionState
    /// Why it failed, where it did.
    public var failure: String?
    /// The hypervisor.
    public var hypervisor: String
    /// Process ids by role: session, machine, bridge, storage, targets.
    public var processes: [String: Int32]
    /// The file systems.
    public var volumes: [Volume]
    /// Where clients attach, as URLs; nil for a mount, empty where the device is all.
    public var urls: [String]?
    /// Paths of the sockets among them; nil for a mount.
    public var sockets: [String]?
    /// The device of this host, where one was asked for.
    public var device: Device?
    /// Start, seconds since the epoch.
    public var started: Int64
    /// Milliseconds from the start of each phase to its end, in order.
    public var phases: [Phase]

    /// A phase and how long it took.
    public struct Phase: Codable, Sendable {
        /// Its name.
        public var name: String
        /// Its length in milliseconds.
        public var milliseconds: Int64
    }
}

extension SessionRecord {
    /// Where the folder is mounted now, whatever it or a folder above it was renamed to; nil where
    /// it is not.
    var mountedFolder: String? {
        if let mountDevice {
            return MountTable.folder(ofSource: source, device: mountDevice)
        }
        return MountTable.isMounted(mountpoint) ? mountpoint : nil
    }
}
