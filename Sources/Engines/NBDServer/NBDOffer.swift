import BlockDevice
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

extension NBDOffer {
    /// Asks the device once.
    init(_ export: NBDExport) {
        let device = export.device
        let properties = device.properties
        name = export.name
        description = export.description
        size = device.size
        isReadOnly = export.isReadOnly || !device.can(.write)
        canTrim = device.can(.trim)
        sizes = Self.sizes(properties, size: size)
    }

    /// Devices take any range, so a minimum above 1 is told only where sectors are larger than
    /// what every client assumes, and the size is a multiple of them.
    private static func sizes(_ properties: BlockProperties, size: UInt64) -> NBDBlockSizes {
        let logical = properties.logicalBlockSize
        let usual = NBDBlockSizes.usual
        let minimum = logical > 512 && size % UInt64(logical) == 0 ? logical : 1
        let preferred = max(usual.preferred, properties.physicalBlockSize, minimum)
        let sizes = NBDBlockSizes(minimum: minimum, preferred: preferred, maximum: usual.maximum)
        return sizes.isLawful ? sizes : usual
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
