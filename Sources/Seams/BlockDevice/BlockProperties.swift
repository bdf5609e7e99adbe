/// What a block device is and can do; fixed while it is open.
public struct BlockProperties: Equatable, Sendable {
    /// Unit of addressing that initiators are told, in bytes: a power of two, 512 to 65,536.
    public var logicalBlockSize: UInt32
    /// Unit that is written without a read before, in bytes: a multiple of the logical size.
    public var physicalBlockSize: UInt32
    /// Request size that pays best, in bytes; 0 where none does.
    public var optimalTransfer: UInt32
    /// Unit in which trims give space back, in bytes; 0 where trims do nothing.
    public var trimGranularity: UInt32
    /// How many calls at once still gain; at least 1.
    public var parallelism: Int
    /// What the device can do.
    public var capabilities: BlockCapabilities

    /// Collects the properties.
    public init(
        logicalBlockSize: UInt32 = 512, physicalBlockSize: UInt32 = 4096,
        optimalTransfer: UInt32 = 0, trimGranularity: UInt32 = 0, parallelism: Int = 16,
        capabilities: BlockCapabilities = []
    ) {
        self.logicalBlockSize = logicalBlockSize
        self.physicalBlockSize = physicalBlockSize
        self.optimalTransfer = optimalTransfer
        self.trimGranularity = trimGranularity
        self.parallelism = parallelism
        self.capabilities = capabilities
    }
}

/// What a device can do; asked before use.
public struct BlockCapabilities: OptionSet, Sendable {
    /// One bit each.
    public let rawValue: UInt32
    /// Makes a set of bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Content can be changed.
    public static let write = BlockCapabilities(rawValue: 1 << 0)
    /// Acknowledged writes may be volatile: a flush means something.
    public static let volatileCache = BlockCapabilities(rawValue: 1 << 1)
    /// A write with `.forceUnitAccess` is cheaper than a write and a flush.
    public static let forceUnitAccess = BlockCapabilities(rawValue: 1 << 2)
    /// Trims give space back.
    public static let trim = BlockCapabilities(rawValue: 1 << 3)
    /// What was trimmed reads as zeros.
    public static let trimmedReadsZero = BlockCapabilities(rawValue: 1 << 4)
    /// Zeros are written faster than data.
    public static let fastZeroes = BlockCapabilities(rawValue: 1 << 5)
    /// `extents` knows holes from data.
    public static let extents = BlockCapabilities(rawValue: 1 << 6)
    /// `readNow` is worth trying.
    public static let immediateReads = BlockCapabilities(rawValue: 1 << 7)
    /// `writeNow` is worth trying.
    public static let immediateWrites = BlockCapabilities(rawValue: 1 << 8)
}

/// How a change is to be made.
public struct BlockWriteOptions: OptionSet, Sendable {
    /// One bit each.
    public let rawValue: UInt8
    /// Makes a set of bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The change is durable when the call returns.
    public static let forceUnitAccess = BlockWriteOptions(rawValue: 1 << 0)
    /// Zeros may be made by giving space back.
    public static let mayTrim = BlockWriteOptions(rawValue: 1 << 1)
    /// Zeros only where that is faster than writing them.
    public static let onlyIfFast = BlockWriteOptions(rawValue: 1 << 2)
}
