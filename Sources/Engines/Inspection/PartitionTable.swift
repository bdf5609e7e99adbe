/// A partition table and its entries.
public struct PartitionTable: Sendable {
    /// The type in libblkid's words, such as `gpt`, `dos`, `mac` or `bsd`.
    public var type: String
    /// The disk's identifier.
    public var identifier: String?
    /// The sector size that the table counts in, in bytes.
    public var sectorSize: UInt32
    /// The entries, by number.
    public var partitions: [Partition]
    /// What is wrong with it.
    public var problems: [String]
}

/// One entry of a partition table.
public struct Partition: Sendable {
    /// What an entry of an MBR is; `primary` for every other table.
    public enum Role: String, Sendable {
        /// An ordinary partition.
        case primary
        /// The box that holds the logical ones.
        case extended
        /// A partition inside the extended one.
        case logical
        /// A partition of a table inside a partition.
        case nested
    }
    /// Its number: what the kernel would call it.
    public var number: Int
    /// First byte, from the start of the source.
    public var offset: UInt64
    /// Length in bytes, as the table says.
    public var length: UInt64
    /// The type as the table writes it: `0x83`, a GUID, `Apple_HFS`.
    public var type: String
    /// Its name, where the table has names.
    public var name: String?
    /// Its UUID.
    public var uuid: String?
    /// Its flags, as the table writes them.
    public var flags: UInt64
    /// What kind of entry it is.
    public var role: Role
    /// What lies in it; nil where it was not looked at.
    public var region: Region?
    /// What is wrong with it.
    public var problem: String?
}
