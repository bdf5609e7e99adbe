public import Bytes

/// The first message of a connection, from the server.
///
/// doc/proto.md, "Newstyle negotiation".
public struct NBDGreeting: Equatable, Sendable {
    /// Size in bytes.
    public static let size = 18
    /// What the server can do.
    public var flags: NBDHandshakeFlags

    /// Makes a greeting.
    public init(flags: NBDHandshakeFlags) { self.flags = flags }

    /// Decodes exactly 18 bytes; throws `invalid(field: "newstyle magic", …)` for an oldstyle one.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        try reader.magic(NBDMagic.server, "server magic")
        try reader.magic(NBDMagic.option, "newstyle magic")
        flags = NBDHandshakeFlags(rawValue: try reader.bigEndian())
        try reader.finish()
    }

    /// The bytes on the wire.
    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.size)
        writer.writeBigEndian(NBDMagic.server)
        writer.writeBigEndian(NBDMagic.option)
        writer.writeBigEndian(flags.rawValue)
        return writer.bytes
    }
}

extension NBDClientFlags {
    /// Size in bytes.
    public static let size = 4

    /// Decodes exactly four bytes.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        self.init(rawValue: try reader.bigEndian())
        try reader.finish()
    }

    /// The bytes on the wire.
    public var encoded: [UInt8] {
        var writer = ByteWriter(capacity: Self.size)
        writer.writeBigEndian(rawValue)
        return writer.bytes
    }
}

/// What a client must know of an export.
///
/// The answer to NBD_OPT_EXPORT_NAME, and NBD_INFO_EXPORT.
public struct NBDExportInfo: Equatable, Sendable {
    /// Size in bytes.
    public var size: UInt64
    /// What the export can do.
    public var flags: NBDTransmissionFlags

    /// Collects both.
    public init(size: UInt64, flags: NBDTransmissionFlags) {
        self.size = size
        self.flags = flags
    }

    /// Size of the answer to NBD_OPT_EXPORT_NAME, in bytes.
    public static func answerSize(noZeroes: Bool) -> Int { noZeroes ? 10 : 10 + NBDLimits.zeroes }

    /// Decodes the answer to NBD_OPT_EXPORT_NAME; what stands in the reserved bytes is ignored.
    public init(
        decodingAnswer bytes: some Collection<UInt8>, noZeroes: Bool
    ) throws(BytesError) {
        var reader = ByteReader(bytes)
        self = try NBDExportInfo(&reader)
        if !noZeroes { try reader.skip(NBDLimits.zeroes) }
        try reader.finish()
    }

    /// The answer to NBD_OPT_EXPORT_NAME.
    public func encodedAnswer(noZeroes: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: Self.answerSize(noZeroes: noZeroes))
        write(to: &writer)
        if !noZeroes { writer.writeRaw(repeatElement(0, count: NBDLimits.zeroes)) }
        return writer.bytes
    }

    init(_ reader: inout ByteReader) throws(BytesError) {
        size = try reader.bigEndian()
        flags = NBDTransmissionFlags(rawValue: try reader.bigEndian())
    }

    func write(to writer: inout ByteWriter) {
        writer.writeBigEndian(size)
        writer.writeBigEndian(flags.rawValue)
    }
}
