public import Bytes

/// The header of a simple reply; the data of a read follows where there was no error.
///
/// doc/proto.md, "Simple reply message". A plain value: any thread, nothing is allocated.
public struct NBDSimpleReply: Equatable, Sendable {
    /// Size in bytes.
    public static let size = 16
    /// What went wrong, or `success`.
    public var error: NBDErrorNumber
    /// Number of the request.
    public var cookie: UInt64

    /// Makes a reply.
    @inlinable
    public init(error: NBDErrorNumber = .success, cookie: UInt64) {
        self.error = error
        self.cookie = cookie
    }

    /// Stores the header in the first 16 bytes of a buffer that has them.
    @inlinable
    public func encode(into bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.size, "no room for a simple reply")
        bytes.put(NBDMagic.simpleReply, at: 0)
        bytes.put(error.rawValue, at: 4)
        bytes.put(cookie, at: 8)
    }
}

/// The header of a chunk; `length` bytes of payload follow.
///
/// doc/proto.md, "Structured reply chunk message"; 20 bytes, or 32 with extended headers. A plain
/// value: any thread, nothing is allocated.
public struct NBDChunkHeader: Equatable, Sendable {
    /// Whether the reply ends here.
    public var flags: NBDChunkFlags
    /// What the payload is.
    public var type: NBDChunkType
    /// Number of the request.
    public var cookie: UInt64
    /// The request's offset; on the wire with extended headers only, otherwise 0 when decoded.
    public var offset: UInt64
    /// Length of the payload in bytes; as the peer says, at most 2^32 - 1.
    public var length: UInt32

    /// Makes a header.
    @inlinable
    public init(
        _ type: NBDChunkType, cookie: UInt64, offset: UInt64, length: UInt32,
        flags: NBDChunkFlags = .done
    ) {
        self.flags = flags
        self.type = type
        self.cookie = cookie
        self.offset = offset
        self.length = length
    }

    /// Stores the header in the first `style.chunkSize` bytes of a buffer that has them.
    @inlinable
    public func encode(_ style: NBDHeaderStyle, into bytes: UnsafeMutableRawBufferPointer) {
        let isExtended = style == .extended
        precondition(bytes.count >= style.chunkSize, "no room for a chunk")
        bytes.put(isExtended ? NBDMagic.extendedReply : NBDMagic.structuredReply, at: 0)
        bytes.put(flags.rawValue, at: 4)
        bytes.put(type.rawValue, at: 6)
        bytes.put(cookie, at: 8)
        if isExtended {
            bytes.put(offset, at: 16)
            bytes.put(UInt64(length), at: 24)
        } else {
            bytes.put(length, at: 16)
        }
    }
}

/// What a client receives in the transmission phase: read `magicSize` bytes, ask `size(_:style:)`
/// how many the header has, and decode them.
public enum NBDReplyHeader: Equatable, Sendable {
    /// A simple reply.
    case simple(NBDSimpleReply)
    /// A chunk.
    case chunk(NBDChunkHeader)

    /// Bytes that tell which header it is.
    public static let magicSize = 4

    /// Size of the header that begins with these bytes (at least four); throws for a reply that the
    /// negotiated style forbids.
    ///
    /// With extended headers every reply is an extended chunk; without structured replies every
    /// reply is a simple one; with them both may come.
    @inlinable
    public static func size(
        _ bytes: UnsafeRawBufferPointer, style: NBDHeaderStyle
    ) throws(BytesError) -> Int {
        guard bytes.count >= magicSize else {
            throw .truncated(needed: magicSize, available: bytes.count)
        }
        let magic = bytes.big(0, as: UInt32.self)
        switch (magic, style) {
        case (NBDMagic.simpleReply, .simple), (NBDMagic.simpleReply, .structured):
            return NBDSimpleReply.size
        case (NBDMagic.structuredReply, .structured): return style.chunkSize
        case (NBDMagic.extendedReply, .extended): return style.chunkSize
        default: throw .invalid(field: "reply magic", value: UInt64(magic))
        }
    }

    /// Decodes exactly the bytes of one header.
    @inlinable
    public init(
        decoding bytes: UnsafeRawBufferPointer, style: NBDHeaderStyle
    ) throws(BytesError) {
        let size = try Self.size(bytes, style: style)
        try bytes.require(exactly: size)
        if size == NBDSimpleReply.size {
            let error = NBDErrorNumber(rawValue: bytes.big(4, as: UInt32.self))
            self = .simple(NBDSimpleReply(error: error, cookie: bytes.big(8, as: UInt64.self)))
            return
        }
        let isExtended = style == .extended
        let length =
            isExtended ? bytes.big(24, as: UInt64.self) : UInt64(bytes.big(16, as: UInt32.self))
        guard length <= UInt32.max else { throw .invalid(field: "chunk length", value: length) }
        self = .chunk(
            NBDChunkHeader(
                NBDChunkType(rawValue: bytes.big(6, as: UInt16.self)),
                cookie: bytes.big(8, as: UInt64.self),
                offset: isExtended ? bytes.big(16, as: UInt64.self) : 0,
                length: UInt32(length),
                flags: NBDChunkFlags(rawValue: bytes.big(4, as: UInt16.self))))
    }
}
