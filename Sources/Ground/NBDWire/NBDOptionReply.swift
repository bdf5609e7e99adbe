public import Bytes

/// The header of a server's reply to an option; `length` bytes of data follow.
///
/// doc/proto.md, "Fixed newstyle negotiation".
public struct NBDOptionReplyHeader: Equatable, Sendable {
    /// Size in bytes.
    public static let size = 20
    /// The option that is answered.
    public var option: NBDOption
    /// What the answer is.
    public var type: NBDOptionReplyType
    /// Length of the data behind the header, in bytes; at most `NBDLimits.optionReplyData`.
    public var length: UInt32

    /// Decodes exactly 20 bytes; throws `tooLong` where more data is announced than a client takes.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        try reader.magic(NBDMagic.optionReply, "option reply magic")
        option = NBDOption(rawValue: try reader.bigEndian())
        type = NBDOptionReplyType(rawValue: try reader.bigEndian())
        length = try reader.bigEndian()
        try reader.finish()
        guard length <= NBDLimits.optionReplyData else {
            throw .tooLong(length: Int(length), limit: NBDLimits.optionReplyData)
        }
    }

    /// A whole reply: header and data.
    public static func encode(
        _ type: NBDOptionReplyType, to option: NBDOption, data: [UInt8] = []
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.size + data.count)
        writer.writeBigEndian(NBDMagic.optionReply)
        writer.writeBigEndian(option.rawValue)
        writer.writeBigEndian(type.rawValue)
        writer.writeBigEndian(UInt32(data.count))
        writer.writeRaw(data)
        return writer.bytes
    }
}

/// Data of NBD_REP_SERVER: one export of a list.
public struct NBDListedExport: Equatable, Sendable {
    /// Name to ask for.
    public var name: String
    /// Words for people; may be empty.
    public var description: String

    /// Makes an entry.
    public init(name: String, description: String = "") {
        self.name = name
        self.description = description
    }

    /// Decodes the whole data of the reply.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        name = try reader.sizedString()
        description = try reader.string(reader.remaining)
    }

    /// The reply's data.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.writeSized(name)
        writer.writeRaw(description.utf8)
        return writer.bytes
    }
}

/// Data of NBD_REP_META_CONTEXT: one context.
public struct NBDMetaContext: Equatable, Sendable {
    /// Number that block status chunks use; without meaning in a list.
    public var id: UInt32
    /// Name, such as `base:allocation`.
    public var name: String

    /// Makes a context.
    public init(id: UInt32, name: String) {
        self.id = id
        self.name = name
    }

    /// Decodes the whole data of the reply.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        id = try reader.bigEndian()
        name = try reader.string(reader.remaining)
    }

    /// The reply's data.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.writeBigEndian(id)
        writer.writeRaw(name.utf8)
        return writer.bytes
    }
}

/// Sizes that a server wants requests to keep, in bytes.
///
/// doc/proto.md, "Size constraints".
public struct NBDBlockSizes: Equatable, Sendable {
    /// Offsets and lengths are multiples of this: a power of two, 1 to 65,536.
    public var minimum: UInt32
    /// Multiples of this are fast: a power of two, at least 512 and the minimum.
    public var preferred: UInt32
    /// Longest payload of a read or write, at least the preferred size.
    public var maximum: UInt32

    /// Collects the sizes.
    public init(minimum: UInt32, preferred: UInt32, maximum: UInt32) {
        self.minimum = minimum
        self.preferred = preferred
        self.maximum = maximum
    }

    /// What holds where nothing was said.
    public static let usual = NBDBlockSizes(
        minimum: 1, preferred: 4096, maximum: NBDLimits.payload)

    /// Whether the sizes keep the protocol's rules.
    public var isLawful: Bool {
        minimum.nonzeroBitCount == 1 && minimum <= 65_536 && preferred.nonzeroBitCount == 1
            && preferred >= max(minimum, 512) && maximum >= preferred
    }
}

/// Data of NBD_REP_INFO.
public enum NBDInfo: Equatable, Sendable {
    /// Size and flags.
    case export(NBDExportInfo)
    /// The name that the server prefers.
    case name(String)
    /// Words for people.
    case description(String)
    /// Block sizes; lawful ones only.
    case blockSize(NBDBlockSizes)
    /// Something else, to be ignored.
    case other(NBDInfoType)

    /// Decodes the whole data of the reply.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        let type = NBDInfoType(rawValue: try reader.bigEndian())
        switch type {
        case .export: self = .export(try NBDExportInfo(&reader))
        case .name: self = .name(try reader.string(reader.remaining))
        case .description: self = .description(try reader.string(reader.remaining))
        case .blockSize:
            let sizes = NBDBlockSizes(
                minimum: try reader.bigEndian(), preferred: try reader.bigEndian(),
                maximum: try reader.bigEndian())
            guard sizes.isLawful else {
                throw .invalid(field: "block size", value: UInt64(sizes.minimum))
            }
            self = .blockSize(sizes)
        default:
            self = .other(type)
            return
        }
        try reader.finish()
    }

    /// The reply's data.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        switch self {
        case .export(let export):
            writer.writeBigEndian(NBDInfoType.export.rawValue)
            export.write(to: &writer)
        case .name(let text):
            writer.writeBigEndian(NBDInfoType.name.rawValue)
            writer.writeRaw(text.utf8)
        case .description(let text):
            writer.writeBigEndian(NBDInfoType.description.rawValue)
            writer.writeRaw(text.utf8)
        case .blockSize(let sizes):
            writer.writeBigEndian(NBDInfoType.blockSize.rawValue)
            writer.writeBigEndian(sizes.minimum)
            writer.writeBigEndian(sizes.preferred)
            writer.writeBigEndian(sizes.maximum)
        case .other(let type):
            writer.writeBigEndian(type.rawValue)
        }
        return writer.bytes
    }
}
