import NBDWire

/// An export as clients are told of it: fixed for one connection.
struct NBDOffer: Equatable, Sendable {
    var name: String
    var description = ""
    /// Size in bytes when the client connected.
    var size: UInt64
    var isReadOnly = false
    var canTrim = false
    var sizes = NBDBlockSizes.usual

    /// What the export can do, for a client that negotiated this.
    func flags(_ style: NBDHeaderStyle, contexts: Bool) -> NBDTransmissionFlags {
        var flags: NBDTransmissionFlags = [
            .hasFlags, .sendFlush, .sendFUA, .sendCache, .canMultiConn,
        ]
        if isReadOnly {
            flags.insert(.readOnly)
        } else {
            flags.formUnion([.sendWriteZeroes, .sendFastZero])
            if canTrim { flags.insert(.sendTrim) }
        }
        if style != .simple { flags.insert(.sendDF) }
        if style == .extended, contexts { flags.insert(.blockStatusPayload) }
        return flags
    }
}

/// What a handshake led to.
struct NBDSession: Equatable, Sendable {
    /// Index of the export.
    var export: Int
    var style: NBDHeaderStyle
    /// Flags that the client was told.
    var flags: NBDTransmissionFlags
    /// Size that the client was told, in bytes.
    var size: UInt64
    /// Whether the client selected `base:allocation`.
    var hasContext: Bool
    /// Number of that context.
    static let context: UInt32 = 1
}
