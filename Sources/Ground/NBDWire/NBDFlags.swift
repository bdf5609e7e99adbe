/// What a newstyle server says first.
public struct NBDHandshakeFlags: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt16
    /// Makes a set of bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The server speaks fixed newstyle.
    public static let fixedNewstyle = Self(rawValue: 1 << 0)
    /// The server can leave out the zeros behind the answer to NBD_OPT_EXPORT_NAME.
    public static let noZeroes = Self(rawValue: 1 << 1)
}

/// What a client answers to the handshake flags.
public struct NBDClientFlags: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt32
    /// Makes a set of bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The client speaks fixed newstyle.
    public static let fixedNewstyle = Self(rawValue: 1 << 0)
    /// The client wants no zeros.
    public static let noZeroes = Self(rawValue: 1 << 1)
    /// Every flag that the protocol defines; a server must drop a client that sets another.
    public static let all: Self = [.fixedNewstyle, .noZeroes]
}

/// What an export can do.
public struct NBDTransmissionFlags: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt16
    /// Makes a set of bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Always set.
    public static let hasFlags = Self(rawValue: 1 << 0)
    /// Changes are refused.
    public static let readOnly = Self(rawValue: 1 << 1)
    /// NBD_CMD_FLUSH is there.
    public static let sendFlush = Self(rawValue: 1 << 2)
    /// NBD_CMD_FLAG_FUA is there.
    public static let sendFUA = Self(rawValue: 1 << 3)
    /// The medium rotates.
    public static let rotational = Self(rawValue: 1 << 4)
    /// NBD_CMD_TRIM is there.
    public static let sendTrim = Self(rawValue: 1 << 5)
    /// NBD_CMD_WRITE_ZEROES is there.
    public static let sendWriteZeroes = Self(rawValue: 1 << 6)
    /// NBD_CMD_FLAG_DF is there; only with chunked replies.
    public static let sendDF = Self(rawValue: 1 << 7)
    /// A flush on one connection covers all connections to the export.
    public static let canMultiConn = Self(rawValue: 1 << 8)
    /// NBD_CMD_RESIZE is there (experimental).
    public static let sendResize = Self(rawValue: 1 << 9)
    /// NBD_CMD_CACHE is there.
    public static let sendCache = Self(rawValue: 1 << 10)
    /// NBD_CMD_FLAG_FAST_ZERO is there.
    public static let sendFastZero = Self(rawValue: 1 << 11)
    /// NBD_CMD_BLOCK_STATUS takes a payload; only with extended headers.
    public static let blockStatusPayload = Self(rawValue: 1 << 12)
}

/// How a request is to be done.
public struct NBDCommandFlags: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt16
    /// Makes a set of bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The change is durable before the reply.
    public static let fua = Self(rawValue: 1 << 0)
    /// Write zeros without making a hole.
    public static let noHole = Self(rawValue: 1 << 1)
    /// Answer a read with one content chunk.
    public static let dontFragment = Self(rawValue: 1 << 2)
    /// Answer a block status with one extent.
    public static let requestOne = Self(rawValue: 1 << 3)
    /// Write zeros only where that is faster than data.
    public static let fastZero = Self(rawValue: 1 << 4)
    /// The header's length counts a payload; only with extended headers.
    public static let payloadLength = Self(rawValue: 1 << 5)
}

/// Flags of a chunk of a reply.
public struct NBDChunkFlags: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt16
    /// Makes a set of bits.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The reply's last chunk.
    public static let done = Self(rawValue: 1 << 0)
}

/// How an extent is stored, in the metadata context `base:allocation`.
public struct NBDAllocation: OptionSet, Hashable, Sendable {
    /// One bit each.
    public let rawValue: UInt64
    /// Makes a set of bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Name of the context.
    public static let context = "base:allocation"
    /// No space is allocated.
    public static let hole = Self(rawValue: 1 << 0)
    /// Reads as zeros.
    public static let zero = Self(rawValue: 1 << 1)
}
