public import Bytes

/// The header of a client's option; `length` bytes of data follow.
///
/// doc/proto.md, "Newstyle negotiation".
public struct NBDOptionHeader: Equatable, Sendable {
    /// Size in bytes.
    public static let size = 16
    /// The option.
    public var option: NBDOption
    /// Length of the data behind the header, in bytes; as the peer says, bounded by nobody yet.
    public var length: UInt32

    /// Makes a header.
    public init(option: NBDOption, length: UInt32) {
        self.option = option
        self.length = length
    }

    /// Decodes exactly 16 bytes.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        try reader.magic(NBDMagic.option, "option magic")
        option = NBDOption(rawValue: try reader.bigEndian())
        length = try reader.bigEndian()
        try reader.finish()
    }

    /// A whole option: header and data.
    public static func encode(_ option: NBDOption, data: [UInt8] = []) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.size + data.count)
        writer.writeBigEndian(NBDMagic.option)
        writer.writeBigEndian(option.rawValue)
        writer.writeBigEndian(UInt32(data.count))
        writer.writeRaw(data)
        return writer.bytes
    }
}

/// Data of NBD_OPT_INFO and NBD_OPT_GO.
public struct NBDInfoRequest: Equatable, Sendable {
    /// Name of the export; empty for the default one.
    public var name: String
    /// What the client asks for besides NBD_INFO_EXPORT.
    public var infos: [NBDInfoType]

    /// Makes a request.
    public init(name: String, infos: [NBDInfoType] = []) {
        self.name = name
        self.infos = infos
    }

    /// Decodes the whole data of the option.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        name = try reader.sizedString()
        let count = Int(try reader.bigEndian(as: UInt16.self))
        guard reader.remaining >= 2 * count else {
            throw .truncated(needed: 2 * count, available: reader.remaining)
        }
        infos = []
        infos.reserveCapacity(count)
        for _ in 0..<count { infos.append(NBDInfoType(rawValue: try reader.bigEndian())) }
        try reader.finish()
    }

    /// The option's data.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.writeSized(name)
        writer.writeBigEndian(UInt16(infos.count))
        for info in infos { writer.writeBigEndian(info.rawValue) }
        return writer.bytes
    }
}

/// Data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT.
public struct NBDMetaContextRequest: Equatable, Sendable {
    /// Name of the export; empty for the default one.
    public var name: String
    /// Contexts asked for, such as `base:allocation`.
    public var queries: [String]

    /// Makes a request.
    public init(name: String, queries: [String] = []) {
        self.name = name
        self.queries = queries
    }

    /// Decodes the whole data of the option; throws `tooLong` above `NBDLimits.queries`.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        name = try reader.sizedString()
        let count = Int(try reader.bigEndian(as: UInt32.self))
        guard reader.remaining / 4 >= count else {
            throw .truncated(needed: count * 4, available: reader.remaining)
        }
        guard count <= NBDLimits.queries else {
            throw .tooLong(length: count, limit: NBDLimits.queries)
        }
        queries = []
        for _ in 0..<count { queries.append(try reader.sizedString()) }
        try reader.finish()
    }

    /// The option's data.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.writeSized(name)
        writer.writeBigEndian(UInt32(queries.count))
        for query in queries { writer.writeSized(query) }
        return writer.bytes
    }
}

extension String {
    /// Decodes the whole data of NBD_OPT_EXPORT_NAME, or the message of an error reply.
    public init(decodingNBD bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        self = try reader.string(reader.remaining)
    }
}
