public import Catalogue
public import Platform

/// A source whose format is decided; its content is not looked at yet.
public struct IdentifiedSource: Sendable {
    /// The path as the user gave it.
    public var path: String
    /// A regular file or a block device.
    public var kind: FileKind
    /// Its sizes.
    public var geometry: BlockGeometry
    /// The format that the user named; `raw` where none was.
    public var format: String
    /// The image format that its bytes look like; never acted upon unless the user names it.
    public var container: ContainerEntry?

    /// The format of a source that is the disk itself.
    public static let raw = "raw"

    /// Whether the source is the disk itself.
    public var isRaw: Bool { format == Self.raw }
}

/// What a source is made of, as read from its bytes; nothing of it was mounted or changed.
public struct SourceReport: Sendable {
    /// The path as the user gave it.
    public var path: String
    /// A regular file or a block device.
    public var kind: FileKind
    /// Its sizes; sectors as the partition table counts them where they differ from the device's.
    public var geometry: BlockGeometry
    /// The format that the user named; `raw` where none was.
    public var format: String
    /// The image format that its bytes look like; never acted upon unless the user names it.
    public var container: ContainerEntry?
    /// The content from byte 0 on: the source's own where it is raw, else that of the disk in it.
    public var root: Region

    /// Whether the source is the disk itself.
    public var isRaw: Bool { format == IdentifiedSource.raw }
}

/// A range of a source and what lies in it.
public struct Region: Sendable {
    /// First byte, from the start of the disk.
    public var offset: UInt64
    /// Length in bytes.
    public var length: UInt64
    /// The file system that begins here.
    public var fileSystem: FileSystemFinding?
    /// Other types that also match; for information.
    public var also: [String] = []
    /// The candidates where several match and none is certain.
    public var candidates: [FileSystemFinding] = []
    /// Something that is recognised and cannot be opened.
    public var layer: LayerEntry?
    /// The label of that layer.
    public var layerLabel: String?
    /// The partition table that begins here.
    public var table: PartitionTable?
    /// What is wrong here.
    public var problems: [String] = []

    /// Whether nothing at all was recognised.
    public var isUnknown: Bool {
        fileSystem == nil && candidates.isEmpty && layer == nil && table == nil
    }
}

/// A file system that was found.
public struct FileSystemFinding: Sendable {
    /// Its entry in the catalogue.
    public var entry: CatalogueEntry
    /// libblkid's type, or the entry's name where a signature of the catalogue matched.
    public var type: String
    /// Its version, in libblkid's words.
    public var version: String?
    /// Its label.
    public var label: String?
    /// Its UUID or serial number.
    public var uuid: String?
    /// Its size in bytes, as its superblock says; nil where that is not known.
    public var size: UInt64?
    /// Whether it was left in order.
    public var state: VolumeState
    /// The state in words, as the end of a sentence; nil for clean.
    public var stateReason: String?
    /// Further facts, as ends of sentences.
    public var notices: [String]
    /// Why the guest's driver would not write it in its present form; nil where it would.
    public var formRefusesWriting: String?
    /// Why the guest's driver would refuse it; nil where it would not.
    public var mountRefusal: String?
    /// Whether its superblock claims more bytes than there are.
    public var isTruncated: Bool
    /// Whether its superblock's checksum is wrong.
    public var checksumWrong: Bool
    /// How the guest mounts it for reading.
    public var readOnly: MountPlan
    /// How the guest mounts it for writing; nil where its driver only reads.
    public var readWrite: MountPlan?
}

/// What the guest needs to know to mount and export a volume.
public struct MountPlan: Equatable, Sendable {
    /// Kernel drivers, to be tried in this order.
    public var drivers: [String]
    /// Options for mount(2)'s data argument.
    public var options: String
    /// How the NFS server reaches it.
    public var road: Road
    /// Why another road than usual; nil for the usual one.
    public var roadReason: String?
}
