/// A client's option while both sides haggle; numbers that are not listed can be held too.
public struct NBDOption: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Takes any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Choose an export and start, without errors.
    public static let exportName = Self(rawValue: 1)
    /// End it.
    public static let abort = Self(rawValue: 2)
    /// List the exports.
    public static let list = Self(rawValue: 3)
    /// Go on under TLS.
    public static let startTLS = Self(rawValue: 5)
    /// Tell about an export.
    public static let info = Self(rawValue: 6)
    /// Tell about an export, and start.
    public static let go = Self(rawValue: 7)
    /// Answer in chunks.
    public static let structuredReply = Self(rawValue: 8)
    /// List metadata contexts.
    public static let listMetaContext = Self(rawValue: 9)
    /// Select metadata contexts.
    public static let setMetaContext = Self(rawValue: 10)
    /// Use headers with 64-bit lengths.
    public static let extendedHeaders = Self(rawValue: 11)
}

/// What a server answers to an option; numbers that are not listed can be held too.
public struct NBDOptionReplyType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Takes any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Done.
    public static let ack = Self(rawValue: 1)
    /// One export of a list.
    public static let server = Self(rawValue: 2)
    /// One piece of information about an export.
    public static let info = Self(rawValue: 3)
    /// One metadata context.
    public static let metaContext = Self(rawValue: 4)
    /// The option is not known.
    public static let unsupported = Self(rawValue: 1 << 31 | 1)
    /// The server's rules forbid it.
    public static let policy = Self(rawValue: 1 << 31 | 2)
    /// The option's data, or its moment, is wrong.
    public static let invalid = Self(rawValue: 1 << 31 | 3)
    /// Not on this platform.
    public static let platform = Self(rawValue: 1 << 31 | 4)
    /// Not without TLS.
    public static let tlsRequired = Self(rawValue: 1 << 31 | 5)
    /// No such export.
    public static let unknown = Self(rawValue: 1 << 31 | 6)
    /// The server is going away.
    public static let shutdown = Self(rawValue: 1 << 31 | 7)
    /// Not without a request for block sizes.
    public static let blockSizeRequired = Self(rawValue: 1 << 31 | 8)
    /// Too much data.
    public static let tooBig = Self(rawValue: 1 << 31 | 9)
    /// Not without, or not besides, extended headers.
    public static let extendedHeadersRequired = Self(rawValue: 1 << 31 | 10)

    /// Whether the option failed.
    public var isError: Bool { rawValue >> 31 == 1 }
}

/// A piece of information about an export; numbers that are not listed can be held too.
public struct NBDInfoType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16
    /// Takes any number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Size and flags; never missing.
    public static let export = Self(rawValue: 0)
    /// The name that the server prefers.
    public static let name = Self(rawValue: 1)
    /// A description for people.
    public static let description = Self(rawValue: 2)
    /// Block sizes.
    public static let blockSize = Self(rawValue: 3)
}

/// What a request asks for; numbers that are not listed can be held too.
public struct NBDCommand: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16
    /// Takes any number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Read.
    public static let read = Self(rawValue: 0)
    /// Write the payload.
    public static let write = Self(rawValue: 1)
    /// End the connection when all is done; has no reply.
    public static let disconnect = Self(rawValue: 2)
    /// Make acknowledged writes durable.
    public static let flush = Self(rawValue: 3)
    /// The range's content is no longer needed.
    public static let trim = Self(rawValue: 4)
    /// The range will be read soon.
    public static let cache = Self(rawValue: 5)
    /// Make the range read as zeros.
    public static let writeZeroes = Self(rawValue: 6)
    /// How the range is stored.
    public static let blockStatus = Self(rawValue: 7)
}

/// Kind of a chunk; numbers that are not listed can be held too.
public struct NBDChunkType: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt16
    /// Takes any number.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// NBD_REPLY_TYPE_NONE: nothing, the reply is done.
    public static let nothing = Self(rawValue: 0)
    /// Data at an offset.
    public static let offsetData = Self(rawValue: 1)
    /// Zeros at an offset.
    public static let offsetHole = Self(rawValue: 2)
    /// Extents with 32-bit lengths.
    public static let blockStatus = Self(rawValue: 5)
    /// Extents with 64-bit lengths.
    public static let blockStatusExtended = Self(rawValue: 6)
    /// The request failed.
    public static let error = Self(rawValue: 1 << 15 | 1)
    /// The request failed at an offset.
    public static let errorOffset = Self(rawValue: 1 << 15 | 2)

    /// Whether the chunk tells an error; all of them begin alike.
    public var isError: Bool { rawValue >> 15 == 1 }
}

/// An error on the wire; a client takes numbers that are not listed for `invalid`.
public struct NBDErrorNumber: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public let rawValue: UInt32
    /// Takes any number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// No error.
    public static let success = Self(rawValue: 0)
    /// NBD_EPERM: the export is read-only.
    public static let notPermitted = Self(rawValue: 1)
    /// NBD_EIO.
    public static let inputOutput = Self(rawValue: 5)
    /// NBD_ENOMEM.
    public static let noMemory = Self(rawValue: 12)
    /// NBD_EINVAL.
    public static let invalid = Self(rawValue: 22)
    /// NBD_ENOSPC: no room, or a write behind the end.
    public static let noSpace = Self(rawValue: 28)
    /// NBD_EOVERFLOW: too long.
    public static let overflow = Self(rawValue: 75)
    /// NBD_ENOTSUP: a fast zero would not be fast.
    public static let notSupported = Self(rawValue: 95)
    /// NBD_ESHUTDOWN: the server is going away.
    public static let shutdown = Self(rawValue: 108)
}
