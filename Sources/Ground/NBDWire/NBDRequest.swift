public import Bytes

/// The header of a request in the transmission phase.
///
/// doc/proto.md, "Request message"; 28 bytes, or 32 with extended headers. A plain value: any
/// thread, nothing is allocated.
public struct NBDRequest: Equatable, Sendable {
    /// How it is to be done.
    public var flags: NBDCommandFlags
    /// What is to be done.
    public var command: NBDCommand
    /// The client's number for the request, given back with every reply.
    public var cookie: UInt64
    /// First byte of the range.
    public var offset: UInt64
    /// Length of the range or, where `payloadLength(_:)` is not zero, of the payload, in bytes.
    public var length: UInt64

    /// Makes a request.
    public init(
        _ command: NBDCommand, cookie: UInt64, offset: UInt64 = 0, length: UInt64 = 0,
        flags: NBDCommandFlags = []
    ) {
        self.flags = flags
        self.command = command
        self.cookie = cookie
        self.offset = offset
        self.length = length
    }

    /// Decodes exactly `style.requestSize` bytes.
    @inlinable
    public init(
        decoding bytes: UnsafeRawBufferPointer, style: NBDHeaderStyle
    ) throws(BytesError) {
        let isExtended = style == .extended
        try bytes.require(exactly: style.requestSize)
        let magic = bytes.big(0, as: UInt32.self)
        guard magic == (isExtended ? NBDMagic.extendedRequest : NBDMagic.request) else {
            throw .invalid(field: "request magic", value: UInt64(magic))
        }
        flags = NBDCommandFlags(rawValue: bytes.big(4, as: UInt16.self))
        command = NBDCommand(rawValue: bytes.big(6, as: UInt16.self))
        cookie = bytes.big(8, as: UInt64.self)
        offset = bytes.big(16, as: UInt64.self)
        length =
            isExtended ? bytes.big(24, as: UInt64.self) : UInt64(bytes.big(24, as: UInt32.self))
    }

    /// Stores the header in the first `style.requestSize` bytes of a buffer that has them.
    ///
    /// A compact header holds the low 32 bits of `length`; the caller keeps within them.
    @inlinable
    public func encode(_ style: NBDHeaderStyle, into bytes: UnsafeMutableRawBufferPointer) {
        let isExtended = style == .extended
        precondition(bytes.count >= style.requestSize, "no room for a request")
        bytes.put(isExtended ? NBDMagic.extendedRequest : NBDMagic.request, at: 0)
        bytes.put(flags.rawValue, at: 4)
        bytes.put(command.rawValue, at: 6)
        bytes.put(cookie, at: 8)
        bytes.put(offset, at: 16)
        if isExtended {
            bytes.put(length, at: 24)
        } else {
            bytes.put(UInt32(truncatingIfNeeded: length), at: 24)
        }
    }

    /// Number of bytes that follow the header on the wire.
    @inlinable
    public func payloadLength(_ style: NBDHeaderStyle) -> UInt64 {
        if style == .extended { return flags.contains(.payloadLength) ? length : 0 }
        return command == .write ? length : 0
    }
}

/// Payload of NBD_CMD_BLOCK_STATUS, where the server allows one: some of the contexts only.
public struct NBDBlockStatusPayload: Equatable, Sendable {
    /// Length of the range in bytes.
    public var effectLength: UInt64
    /// Contexts that are asked for.
    public var contexts: [UInt32]

    /// Makes a payload.
    public init(effectLength: UInt64, contexts: [UInt32]) {
        self.effectLength = effectLength
        self.contexts = contexts
    }

    /// Decodes the whole payload; throws `tooLong` above `NBDLimits.queries` contexts.
    public init(decoding bytes: some Collection<UInt8>) throws(BytesError) {
        var reader = ByteReader(bytes)
        effectLength = try reader.bigEndian()
        let count = reader.remaining / 4
        guard count <= NBDLimits.queries else {
            throw .tooLong(length: count, limit: NBDLimits.queries)
        }
        contexts = []
        for _ in 0..<count { contexts.append(try reader.bigEndian()) }
        try reader.finish()
    }

    /// The bytes on the wire.
    public var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.writeBigEndian(effectLength)
        for context in contexts { writer.writeBigEndian(context) }
        return writer.bytes
    }
}
