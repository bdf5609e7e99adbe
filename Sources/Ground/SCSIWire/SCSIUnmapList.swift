/// Parameter list of UNMAP (SBC-3, 5.34.2).
public struct SCSIUnmapList: Equatable, Sendable {
    /// Most descriptors of a list: what fits into its 16-bit length, rounded down.
    public static let descriptorLimit = 4095

    /// Blocks to take away.
    public struct Range: Equatable, Sendable {
        /// First block.
        public var address: UInt64
        /// Number of blocks.
        public var count: UInt64
    }

    /// In the order of the list.
    public var ranges: [Range]

    /// Reads a list: a descriptor that is cut off at its end is passed over.
    public init(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(SCSISense) {
        guard bytes.count >= 8 else { throw .illegal(.parameterListLength) }
        let length = min(Int(bytes.word(at: 2)), bytes.count - 8)
        guard length / 16 <= limit else { throw .parameter(2) }
        ranges = (0..<length / 16).map { place in
            Range(
                address: bytes.quad(at: 8 + place * 16),
                count: UInt64(bytes.long(at: 16 + place * 16)))
        }
    }
}
