import Bytes

/// Builds the records that answer a READDIR or READDIRPLUS.
public struct FUSEDirectoryWriter {
    /// The kind of an entry as readdir(3) numbers it (DT_…): the mode's upper four bits.
    public typealias Kind = UInt8

    private let limit: Int
    private var writer: ByteWriter

    /// Makes an empty list of records, at most `limit` bytes in all.
    public init(limit: Int) {
        self.limit = limit
        writer = ByteWriter(capacity: min(limit, 8192))
    }

    /// The records.
    public var bytes: [UInt8] { writer.bytes }

    /// Whether a plain record with a name of this length still fits.
    public func fits(nameCount: Int, plus: Bool) -> Bool {
        let size = (plus ? FUSEEntry.size : 0) + 24 + nameCount
        return writer.bytes.count + (size + 7) / 8 * 8 <= limit
    }

    /// Appends a record; the caller has asked whether it fits.
    ///
    /// - Parameters:
    ///   - offset: where reading goes on after this record.
    ///   - entry: the node and its attributes, for READDIRPLUS; with node 0 the kernel takes the
    ///     name alone.
    public mutating func append(
        name: some Collection<UInt8>, inode: UInt64, offset: UInt64, kind: Kind,
        entry: FUSEEntry? = nil
    ) {
        precondition(fits(nameCount: name.count, plus: entry != nil), "record past the limit")
        entry?.write(to: &writer)
        writer.write(inode)
        writer.write(offset)
        writer.write(UInt32(name.count))
        writer.write(UInt32(kind))
        writer.writeRaw(name)
        while writer.bytes.count % 8 != 0 { writer.write(UInt8(0)) }
    }
}
