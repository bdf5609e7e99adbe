/// A login's stage (RFC 7143, 11.12.3).
public enum LoginStage: UInt8, Sendable {
    case security = 0
    case operational = 1
    case fullFeature = 3
}

/// Six bytes that an initiator names its end of a session with (11.12.5), in the low 48 bits.
public struct ISID: Hashable, Sendable {
    /// The six bytes, the first one highest.
    public let value: UInt64

    /// Takes the low 48 bits.
    public init(_ value: UInt64) { self.value = value & 0xFFFF_FFFF_FFFF }

    /// The six bytes.
    public var bytes: [UInt8] {
        (0..<6).map { UInt8(truncatingIfNeeded: value >> (40 - 8 * $0)) }
    }
}

/// Login request (11.12).
public struct LoginRequest: Equatable, Sendable {
    /// The T bit: ready for the next stage.
    public let wantsTransit: Bool
    /// The C bit: the text goes on in the next request.
    public let continues: Bool
    /// CSG as it came; 2 is reserved.
    public let currentStage: UInt8
    /// NSG as it came; 2 is reserved.
    public let nextStage: UInt8
    /// The highest version that the initiator speaks.
    public let versionMax: UInt8
    /// The lowest.
    public let versionMin: UInt8
    /// The initiator's name of the session.
    public let isid: ISID
    /// The target's, or 0 for a new session.
    public let tsih: UInt16
    /// The task's tag.
    public let initiatorTaskTag: UInt32
    /// The initiator's number of this connection.
    public let connectionID: UInt16
    /// The number of the session's first command.
    public let cmdSN: UInt32
    /// The next status number that the initiator expects.
    public let expStatSN: UInt32

    init(_ header: BasicHeader) throws(ISCSIWireError) {
        guard header.isImmediate else { throw .field("login I", 0) }
        let flags = header.flags
        wantsTransit = flags & 0x80 != 0
        continues = flags & 0x40 != 0
        currentStage = flags >> 2 & 3
        nextStage = flags & 3
        versionMax = UInt8(truncatingIfNeeded: header.words[0] >> 8)
        versionMin = UInt8(truncatingIfNeeded: header.words[0])
        isid = ISID(header.lun >> 16)
        tsih = UInt16(truncatingIfNeeded: header.words[3])
        initiatorTaskTag = header.initiatorTaskTag
        connectionID = UInt16(truncatingIfNeeded: header.words[5] >> 16)
        cmdSN = header.words[6]
        expStatSN = header.words[7]
    }
}

/// Text request (11.10).
public struct TextRequest: Equatable, Sendable {
    /// The F bit: the initiator has no more to say.
    public let isFinal: Bool
    /// The C bit: the text goes on in the next request.
    public let continues: Bool
    /// Deliver at once.
    public let isImmediate: Bool
    /// As the target gave it.
    public let lun: UInt64
    /// The task's tag.
    public let initiatorTaskTag: UInt32
    /// Reserved in a new negotiation, else as the target gave it.
    public let targetTransferTag: UInt32
    /// Command number.
    public let cmdSN: UInt32
    /// The next status number that the initiator expects.
    public let expStatSN: UInt32

    init(_ header: BasicHeader) throws(ISCSIWireError) {
        isFinal = header.isFinal
        continues = header.flags & 0x40 != 0
        guard !(isFinal && continues) else { throw .field("text F and C", 3) }
        isImmediate = header.isImmediate
        lun = header.lun
        initiatorTaskTag = header.initiatorTaskTag
        targetTransferTag = header.targetTransferTag
        cmdSN = header.words[6]
        expStatSN = header.words[7]
    }
}
