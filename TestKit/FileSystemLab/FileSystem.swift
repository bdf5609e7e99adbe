import Platform

/// A file system that the tests make, fill, check and know the traits of: an entry of the table.
public struct FileSystem: Sendable {
    /// How a tree gets into an image.
    public enum Fill: Sendable {
        /// The program that makes the image takes the tree.
        case made
        /// A shell script; sees `$image` and `$tree`.
        case script(String)
        /// The oracle's kernel.
        case oracle
        /// Nothing but the product's own `--write`.
        case product
    }

    /// Name of the entry.
    public var name: String
    /// The type that `causeway probe` reports.
    public var type: String
    /// Size of the image in MiB; 0 where the program decides.
    public var mebibytes: Int
    /// Shell script that makes the image; sees `$image` and `$tree`.
    public var make: String
    /// What makes the image where no program does; takes the path and the size in MiB.
    var format: (@Sendable (String, Int) throws -> Void)?
    /// How the tree gets in.
    public var fill: Fill
    /// Shell script that fails unless the image is clean and whole; nil where no checker exists.
    public var check: String?
    /// How the oracle mounts it; nil where it cannot.
    public var driver: Oracle.Driver?
    /// Whether the guest's driver can write it.
    public var writable: Bool
    /// What the filled tree keeps.
    public var traits: Traits
    /// What the guest's driver keeps of what is written through it.
    public var written: Traits
    /// What the file system itself puts into its root folder.
    public var own: [String] = []
    /// Largest image in MiB that is worth while for a 5 GB file; nil where it cannot hold one.
    public var largeMebibytes: Int?

    /// Describes a file system.
    public init(
        _ name: String, type: String? = nil, mebibytes: Int, make: String, fill: Fill,
        check: String?, driver: Oracle.Driver? = nil, writable: Bool = true,
        own: [String] = [], traits: Traits = .posix, written: Traits? = nil, large: Int? = nil
    ) {
        self.name = name
        self.type = type ?? name
        self.mebibytes = mebibytes
        self.make = make
        self.fill = fill
        self.check = check
        self.driver = driver
        self.writable = writable
        self.own = own
        self.traits = traits
        self.written = written ?? traits
        largeMebibytes = large
    }
}

extension FileSystem: CustomStringConvertible {
    /// The entry's name.
    public var description: String { name }
}

extension FileSystem {
    /// Makes an empty image at a path that does not exist.
    public func makeImage(at image: String, tree: String, mebibytes: Int? = nil) throws {
        let size = mebibytes ?? self.mebibytes
        if size > 0 { try Command.require("truncate", ["-s", "\(size)M", image]) }
        if let format { return try format(image, size) }
        try Self.run(make, image: image, tree: tree)
    }

    /// Makes an image that holds a tree.
    public func makeFilledImage(at image: String, tree: String) throws {
        try makeImage(at: image, tree: tree)
        switch fill {
        case .made, .product: break
        case .script(let script): try Self.run(script, image: image, tree: tree)
        case .oracle:
            guard let driver else { throw LabError("\(name) has no driver in the oracle") }
            let archive = "\(tree).tar"
            if !Files.exists(archive) {
                try Command.require(
                    "tar",
                    [
                        "-c", "--format=posix", "--sparse", "--sort=name", "-f", archive, "-C",
                        tree, ".",
                    ])
            }
            try Oracle.fill(
                image, fromArchive: archive, owners: traits.modes == .exact, driver: driver)
        }
    }

    /// Has an image checked by the file system's own program; throws what it complained about.
    public func checkImage(_ image: String) throws {
        guard let check else { return }
        try Self.run(check, image: image, tree: "/nonexistent")
    }

    private static func run(_ script: String, image: String, tree: String) throws {
        let setting = "image=\"$1\"; tree=\"$2\"; export HOME=\"${image%/*}\";"
        try Command.shell("\(setting) \(script)", [image, tree], seconds: 300)
    }
}
