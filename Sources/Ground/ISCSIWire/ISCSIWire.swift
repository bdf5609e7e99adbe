/// Sizes and bounds of the iSCSI protocol (RFC 7143).
public enum ISCSIWire {
    /// Bytes of a basic header segment (11.2.1).
    public static let headerLength = 48
    /// Most bytes of additional header segments: a count of words in one byte (11.2.1.5).
    public static let additionalHeaderLimit = 255 * 4
    /// Most bytes of a data segment: a 24-bit field (11.2.1.6).
    public static let dataSegmentLimit = (1 << 24) - 1
    /// Bytes of a header or data digest (11.3, CRC32C).
    public static let digestLength = 4
    /// The tag that names no task and no transfer.
    public static let reservedTag: UInt32 = 0xFFFF_FFFF
    /// Data segment that either side takes before anything is negotiated (13.12).
    public static let defaultDataSegment = 8192
    /// The only version there is (11.12.4).
    public static let version: UInt8 = 0
    /// The TCP port that IANA assigned.
    public static let port = 3260

    /// Rounds up to a multiple of four, as every segment is padded (11.1).
    public static func padded(_ count: Int) -> Int { (count + 3) & ~3 }
}

/// What an initiator sends (11.2.1.2).
public enum InitiatorOpcode: UInt8, Sendable, CaseIterable {
    case nopOut = 0x00
    case scsiCommand = 0x01
    case taskManagement = 0x02
    case login = 0x03
    case text = 0x04
    case dataOut = 0x05
    case logout = 0x06
    case snack = 0x10
}

/// What a target sends (11.2.1.2).
public enum TargetOpcode: UInt8, Sendable, CaseIterable {
    case nopIn = 0x20
    case scsiResponse = 0x21
    case taskManagementResponse = 0x22
    case loginResponse = 0x23
    case textResponse = 0x24
    case dataIn = 0x25
    case logoutResponse = 0x26
    case readyToTransfer = 0x31
    case asyncMessage = 0x32
    case reject = 0x3F
}

/// Why bytes are not iSCSI.
public enum ISCSIWireError: Error, Equatable, Sendable {
    /// A header segment has another length than its format says.
    case length(Int, want: Int)
    /// The opcode is none of an initiator's.
    case opcode(UInt8)
    /// A field holds a value that its format does not define.
    case field(String, UInt64)
    /// A text is longer than its limit, in bytes.
    case textTooLong(Int, limit: Int)
    /// There are more keys than the limit.
    case tooManyKeys(limit: Int)
    /// A text is not made of `key=value` pairs that each end in a zero byte.
    case textSyntax
    /// The key's name breaks the rules of names.
    case keyName(String)
}
