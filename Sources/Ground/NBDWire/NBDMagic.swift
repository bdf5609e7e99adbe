/// Numbers that begin the protocol's messages.
///
/// Network Block Device protocol, doc/proto.md of NetworkBlockDevice/nbd, and its branch
/// extension-ext-header for the extended ones. Everything on the wire is big-endian.
public enum NBDMagic {
    /// First eight bytes of a server: `NBDMAGIC`.
    public static let server: UInt64 = 0x4e42_444d_4147_4943
    /// Second eight bytes of a newstyle server, and first of every option: `IHAVEOPT`.
    public static let option: UInt64 = 0x4948_4156_454f_5054
    /// Second eight bytes of an oldstyle server, which nobody should meet any more.
    public static let oldstyle: UInt64 = 0x0000_4202_8186_1253
    /// A reply to an option.
    public static let optionReply: UInt64 = 0x0003_e889_0455_65a9
    /// A request of 28 bytes.
    public static let request: UInt32 = 0x2560_9513
    /// A request of 32 bytes, once extended headers have been agreed.
    public static let extendedRequest: UInt32 = 0x21e4_1c71
    /// A reply of 16 bytes.
    public static let simpleReply: UInt32 = 0x6744_6698
    /// A chunk of a reply, with a header of 20 bytes.
    public static let structuredReply: UInt32 = 0x668e_33ef
    /// A chunk of a reply, with a header of 32 bytes.
    public static let extendedReply: UInt32 = 0x6e8a_278c
}

/// Bounds that the protocol sets, and those that both our ends keep.
public enum NBDLimits {
    /// Longest text in bytes: names, descriptions, messages ("MUST be no longer than 4096 bytes").
    public static let text = 4096
    /// Longest data of an option that is looked at, in bytes.
    public static let optionData = 65_536
    /// Longest data of an option that is passed over; more is taken for an attack.
    public static let skippedOptionData = 1 << 20
    /// Longest data of an option's reply that a client takes, in bytes.
    public static let optionReplyData = 65_536
    /// Most queries for metadata contexts in one option.
    public static let queries = 64
    /// Longest payload of one request or chunk, in bytes: 2^25, what every peer can rely on.
    public static let payload: UInt32 = 1 << 25
    /// Most extents in one block status chunk ("SHOULD NOT send more than 2^20").
    public static let descriptors = 1 << 20
    /// Zero bytes behind the answer to NBD_OPT_EXPORT_NAME, unless agreed otherwise.
    public static let zeroes = 124
    /// Port that IANA reserved.
    public static let port = 10_809
}

/// Which headers the transmission phase uses, as negotiated.
public enum NBDHeaderStyle: Equatable, Sendable {
    /// Compact requests, simple replies.
    case simple
    /// Compact requests; reads and block status are answered in chunks.
    case structured
    /// Extended requests and chunks, 32 bytes each.
    case extended

    /// Size of a request's header in bytes.
    public var requestSize: Int { self == .extended ? 32 : 28 }
    /// Size of a chunk's header in bytes.
    public var chunkSize: Int { self == .extended ? 32 : 20 }
}
