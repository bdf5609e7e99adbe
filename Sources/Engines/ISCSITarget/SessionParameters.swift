import ISCSIWire

/// What a target offers when a session is negotiated.
public struct ISCSISessionOffer: Equatable, Sendable {
    /// Most bytes of data in one PDU that the target takes: 512 to 16 MiB - 1.
    public var maxRecvDataSegmentLength = 256 << 10
    /// Most bytes of one sequence of Data-In or Data-Out.
    public var maxBurstLength = (16 << 20) - 1
    /// Most bytes that an initiator may send without being asked.
    public var firstBurstLength = 256 << 10
    /// Whether initiators must always wait to be asked.
    public var initialR2T = false
    /// Whether a command may carry data with it.
    public var immediateData = true
    /// How many requests for data one command may have open.
    public var maxOutstandingR2T = 8
    /// Whether digests may be left out.
    public var digestsOptional = true

    /// The usual offer.
    public init() {}
}

/// What was negotiated for a session (RFC 7143, chapter 13); starts with the defaults.
struct SessionParameters: Equatable, Sendable {
    var headerDigest = false
    var dataDigest = false
    /// What the initiator takes in one PDU, in bytes.
    var initiatorDataSegment = ISCSIWire.defaultDataSegment
    /// What we take in one PDU, in bytes.
    var targetDataSegment = ISCSIWire.defaultDataSegment
    var maxBurstLength = 262_144
    var firstBurstLength = 65_536
    var initialR2T = true
    var immediateData = true
    var maxOutstandingR2T = 1
    var defaultTime2Wait = 2
    var defaultTime2Retain = 20
    var initiatorAlias = ""
}
