/// READ CAPACITY data (SBC-3, 5.15 and 5.16).
public struct SCSICapacity: Equatable, Sendable {
    /// Number of logical blocks.
    public var blocks: UInt64
    /// Bytes of a logical block.
    public var blockSize: UInt32
    /// Logical blocks of a physical block, as a power of two.
    public var physicalExponent: UInt8
    /// Whether blocks can be unmapped.
    public var isThin: Bool
    /// Whether unmapped blocks read as zeros.
    public var readsZero: Bool

    /// Collects what a disk says about its size.
    public init(
        blocks: UInt64, blockSize: UInt32, physicalExponent: UInt8, isThin: Bool, readsZero: Bool
    ) {
        self.blocks = blocks
        self.blockSize = blockSize
        self.physicalExponent = physicalExponent
        self.isThin = isThin
        self.readsZero = readsZero
    }

    private var last: UInt64 { blocks == 0 ? 0 : blocks - 1 }

    /// Eight bytes; an address beyond 32 bits is told as FFFFFFFFh: ask READ CAPACITY(16).
    public var short: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(clamping: last))
        bytes.append(big: blockSize)
        return bytes
    }

    /// 32 bytes; no protection information; block 0 is aligned.
    public var long: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: last)
        bytes.append(big: blockSize)
        bytes += [0, physicalExponent & 0x0F]
        bytes.append(big: (isThin ? UInt16(0x8000) : 0) | (isThin && readsZero ? 0x4000 : 0))
        return bytes + [UInt8](repeating: 0, count: 16)
    }
}
