/// Parameter data of GET LBA STATUS (SBC-3, 5.5.2).
public struct SCSIBlockStatusList: Equatable, Sendable {
    /// Blocks that are stored in one way.
    public struct Descriptor: Equatable, Sendable {
        /// First block.
        public var address: UInt64
        /// Number of blocks; at most 32 bits.
        public var count: UInt64
        /// Whether the blocks are stored.
        public var isMapped: Bool
    }

    /// In the order of blocks.
    public private(set) var descriptors: [Descriptor] = []

    /// Starts with none.
    public init() {}

    /// Adds blocks after the last, and joins them with those before where they are alike.
    public mutating func append(_ address: UInt64, count: UInt64, isMapped: Bool) {
        var address = address
        var left = count
        if let last = descriptors.last, last.isMapped == isMapped,
            last.address + last.count == address
        {
            let more = min(left, UInt64(UInt32.max) - last.count)
            descriptors[descriptors.count - 1].count += more
            address += more
            left -= more
        }
        while left > 0 {
            let part = min(left, UInt64(UInt32.max))
            descriptors.append(Descriptor(address: address, count: part, isMapped: isMapped))
            address += part
            left -= part
        }
    }

    /// The data, with at most `limit` descriptors.
    public func encoded(limit: Int) -> [UInt8] {
        let told = descriptors.prefix(limit)
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(4 + told.count * 16))
        bytes.append(big: UInt32(0))
        for descriptor in told {
            bytes.append(big: descriptor.address)
            bytes.append(big: UInt32(clamping: descriptor.count))
            bytes += [descriptor.isMapped ? 0 : 1, 0, 0, 0]
        }
        return bytes
    }
}
