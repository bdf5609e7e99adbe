/// Bytes of a device: `offset` up to, not including, `end`.
public struct BlockRange: Equatable, Hashable, Sendable {
    /// First byte.
    public var offset: UInt64
    /// Number of bytes.
    public var length: UInt64

    /// Makes a range; `offset + length` must not overflow where `end` is asked for.
    public init(offset: UInt64, length: UInt64) {
        self.offset = offset
        self.length = length
    }

    /// One after the last byte.
    public var end: UInt64 { offset + length }

    /// Whether the range lies within a device of this size; never overflows.
    public func lies(within size: UInt64) -> Bool { offset <= size && length <= size - offset }
}

/// A part of a device that is stored in one way.
public struct BlockExtent: Equatable, Sendable {
    /// Number of bytes.
    public var length: UInt64
    /// Whether space is allocated for it.
    public var isAllocated: Bool
    /// Whether it certainly reads as zeros.
    public var readsZero: Bool

    /// Makes an extent.
    public init(length: UInt64, isAllocated: Bool, readsZero: Bool) {
        self.length = length
        self.isAllocated = isAllocated
        self.readsZero = readsZero
    }

    /// Ordinary content.
    public static func data(_ length: UInt64) -> BlockExtent {
        BlockExtent(length: length, isAllocated: true, readsZero: false)
    }

    /// Nothing is stored, and zeros are read.
    public static func hole(_ length: UInt64) -> BlockExtent {
        BlockExtent(length: length, isAllocated: false, readsZero: true)
    }
}
