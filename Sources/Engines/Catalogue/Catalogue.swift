/// The file systems, layers and image formats that Causeway knows: data, not code.
///
/// A value without state; any thread.
public struct Catalogue: Sendable {
    /// File systems that the guest can mount.
    public let fileSystems: [CatalogueEntry]
    /// What else can be recognised, and not yet opened.
    public let layers: [LayerEntry]
    /// Files that hold a disk in another form.
    public let containers: [ContainerEntry]

    /// The catalogue that is built into the program.
    public static let standard: Catalogue = {
        do {
            return try Catalogue(parsing: PackageResources.filesystems_json)
        } catch {
            preconditionFailure("the built-in catalogue is broken: \(error)")
        }
    }()

    /// The entry of this name.
    public func fileSystem(named name: String) -> CatalogueEntry? {
        fileSystems.first { $0.name == name }
    }

    /// The entry for one of libblkid's types.
    public func fileSystem(type: String) -> CatalogueEntry? {
        fileSystems.first { $0.types.contains(type) }
    }

    /// The layer for one of libblkid's types.
    public func layer(type: String) -> LayerEntry? {
        layers.first { $0.type == type }
    }
}

/// Something that can be recognised, and not opened by this release.
public struct LayerEntry: Equatable, Sendable {
    /// What kind of thing it is.
    public enum Kind: String, Sendable {
        /// Encrypted; needs a secret.
        case encryption
        /// Part of a pool or a volume group.
        case volumeManager
        /// A member of a RAID.
        case raid
        /// Swap space or a hibernation image.
        case swap
        /// The journal of a file system elsewhere.
        case journal
        /// A file system without a driver in the guest.
        case fileSystem
        /// A partition table that is not read.
        case partitionTable
    }
    /// Its type: libblkid's where libblkid knows it.
    public var type: String
    /// What kind of thing it is.
    public var kind: Kind
    /// Name for people.
    public var title: String
    /// Signatures for what libblkid does not know.
    public var signatures: [[Signature]]

    /// Makes an entry.
    public init(type: String, kind: Kind, title: String, signatures: [[Signature]] = []) {
        self.type = type
        self.kind = kind
        self.title = title
        self.signatures = signatures
    }
}

/// A file format that holds a disk in another form.
public struct ContainerEntry: Equatable, Sendable {
    /// The word for `--format`; nil where no reader is known.
    public var format: String?
    /// Name for people.
    public var title: String
    /// What to do where there is no reader.
    public var remedy: String?
    /// Signatures: any one group, all of its members.
    public var signatures: [[Signature]]
}
