/// One file system: how it is known, which driver mounts it and how, and what to beware of.
public struct CatalogueEntry: Equatable, Sendable {
    /// Short name, unique: `ext4`.
    public var name: String
    /// Name for people: `HFS+`.
    public var title: String
    /// Types of libblkid that mean it.
    public var types: [String]
    /// Signatures for what libblkid does not know: any one group, all of its members.
    public var signatures: [[Signature]]
    /// Kernel drivers of the guest, to be tried in this order.
    public var drivers: [String]
    /// How the guest mounts it for reading.
    public var readOnly: AccessRules
    /// How the guest mounts it for writing; nil where its driver only reads.
    public var readWrite: AccessRules?
    /// What protects it from a crash.
    public var journal: JournalKind
    /// Where libblkid reports its magic when the fields below lie where they say.
    ///
    /// A magic found elsewhere shifts them. Nil: the fields never move.
    public var anchor: UInt64?
    /// Which state its superblock shows; the first that holds counts.
    public var states: [StateRule]
    /// A reader that knows the state where a field of the superblock is not enough.
    public var stateReader: StateReader?
    /// Facts worth telling that are no state.
    public var notices: [NoticeRule]
    /// What becomes of a volume that is not clean.
    public var whenDirty: DirtyRules
    /// How its size is known; the first rule that gives a size counts.
    public var sizes: [SizeRule]
    /// The programs that make and check it.
    public var tools: ToolRules
    /// What a host could mount it with.
    public var host: HostRules
    /// What its names can be.
    public var names: NameRules
    /// Whether its format leaves room for a partition table in front on purpose.
    public var startsWithBootArea: Bool
    /// Known traps, one sentence or two each.
    public var traps: [String]
}

/// How the guest mounts and exports a file system in one mode.
public struct AccessRules: Equatable, Sendable {
    /// Options for mount(2)'s data argument.
    public var options: String
    /// Further options; the first that applies is added.
    public var optionsWhen: [OptionRule]
    /// How the guest's NFS server reaches it.
    public var road: Road
    /// Exceptions; the first that applies counts.
    public var roadWhen: [RoadRule]
}

/// How the guest's NFS server reaches a mounted file system.
public enum Road: String, Sendable {
    /// The kernel's NFS server exports it.
    case kernel
    /// The agent's FUSE pass-through stands in front.
    case passThrough
}

/// Mount options for volumes that answer a question with yes.
public struct OptionRule: Equatable, Sendable {
    /// The question.
    public var when: DiskCondition
    /// The options.
    public var options: String
}

/// Another road for volumes that answer a question with yes.
public struct RoadRule: Equatable, Sendable {
    /// The question.
    public var when: DiskCondition
    /// The road.
    public var road: Road
    /// Why, in words.
    public var says: String
}

/// What protects a file system from a crash.
public enum JournalKind: String, Sendable, CaseIterable {
    /// Nothing.
    case none
    /// A journal that the kernel replays at mount.
    case replayed
    /// A journal that the Linux driver does not replay.
    case neverReplayed
    /// A log is the file system; the kernel rolls it forward at mount.
    case logStructured
    /// Nothing is overwritten in place.
    case copyOnWrite
}

/// Whether a volume was left in order.
public enum VolumeState: String, Sendable {
    /// It was left in order.
    case clean
    /// It was left in the middle of work.
    case dirty
    /// Errors were noted on it.
    case damaged
    /// Its superblock does not say.
    case unknown
}

/// A state that a question about the superblock proves.
public struct StateRule: Equatable, Sendable {
    /// The question.
    public var when: DiskCondition
    /// Versions (as libblkid says) that it is for; empty for all.
    public var versions: [String]
    /// The state.
    public var state: VolumeState
    /// The state in words, as the end of a sentence.
    public var says: String
}

/// Readers of state that need more than one field.
public enum StateReader: String, Sendable, CaseIterable {
    /// The checkpoint packs of F2FS.
    case f2fs
    /// The newer of the two superblocks of NILFS2.
    case nilfs2
    /// The flags in NTFS's $Volume record.
    case ntfs
    /// UDF's logical volume integrity descriptor.
    case udf
    /// The head of the XFS log.
    case xfs
}

/// A fact that a question about the superblock proves.
public struct NoticeRule: Equatable, Sendable {
    /// What follows from it.
    public enum Effect: String, Sendable {
        /// Nothing: it is worth telling.
        case none
        /// The guest's driver mounts it, and not for writing.
        case readOnly
        /// The guest's driver refuses it.
        case unmountable
    }
    /// The question.
    public var when: DiskCondition
    /// The fact in words.
    public var says: String
    /// What follows from it.
    public var effect: Effect
}

/// What becomes of a volume that is not clean, in each mode.
public struct DirtyRules: Equatable, Sendable {
    /// What mounting does.
    public enum Outcome: String, Sendable {
        /// The kernel replays the journal or rolls forward (in an overlay, when reading).
        case replayed
        /// It is taken as it lies on the disk.
        case asIs
        /// It is mounted, but not for writing.
        case readOnly
        /// The driver refuses.
        case refused
    }
    /// Reading.
    public var read: Outcome
    /// Writing.
    public var write: Outcome
}

/// How to compute the size of a file system from its superblock.
public struct SizeRule: Equatable, Sendable {
    /// How many units.
    public var count: DiskField
    /// The upper 32 bits of the count.
    public var high: DiskField?
    /// When the upper bits are in use.
    public var highWhen: DiskCondition?
    /// The unit.
    public var unit: DiskUnit
    /// Versions (as libblkid says) that it is for; empty for all.
    public var versions: [String]
    /// When the rule is for this volume; nil for always.
    public var when: DiskCondition?
}

/// The programs that make and check a file system.
public struct ToolRules: Equatable, Sendable {
    /// Debian packages that hold them.
    public var packages: [String]
    /// The program that makes one, with the words it always needs.
    public var make: String?
    /// The program that checks one and changes nothing.
    public var check: String?
}

/// What a host could mount a file system with.
public struct HostRules: Equatable, Sendable {
    /// A program that mounts it through FUSE.
    public struct FUSEProgram: Equatable, Sendable {
        /// Its name in PATH.
        public var program: String
        /// The Debian package.
        public var package: String
    }
    /// Names in /proc/filesystems, the best first.
    public var kernel: [String]
    /// The kernel module.
    public var module: String
    /// FUSE programs, the best first.
    public var fuse: [FUSEProgram]
}

/// What the names of a file system can be.
public struct NameRules: Equatable, Sendable {
    /// How names are stored.
    public enum Encoding: String, Sendable {
        /// Any bytes but NUL and slash.
        case bytes
        /// UTF-8.
        case utf8
        /// UTF-16, shown as UTF-8.
        case utf16
        /// Latin-1.
        case latin1
        /// Mac Roman.
        case macRoman
        /// A code page that the volume does not name.
        case codePage
        /// It depends on the extension in use.
        case depends
    }
    /// How names are stored.
    public var encoding: Encoding
    /// Whether `A` and `a` are two names.
    public var caseSensitive: Bool
    /// The longest name in the guest, in bytes.
    public var maxBytes: Int
}
