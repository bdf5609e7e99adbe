public import BlockDevice

/// A device that nobody can change through this one.
///
/// Any thread.
public final class ReadOnlyDevice: BlockDevice {
    private let base: any BlockDevice

    /// See `BlockDevice`.
    public let properties: BlockProperties

    /// Everything about a device but the ways to change it.
    public init(_ base: any BlockDevice) {
        self.base = base
        var properties = base.properties
        properties.capabilities.formIntersection([.extents, .immediateReads])
        properties.trimGranularity = 0
        self.properties = properties
    }

    /// See `BlockDevice`.
    public var size: UInt64 { base.size }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) { try base.read(at: offset, into: buffer) }

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool { try base.readNow(at: offset, into: buffer) }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) { throw .readOnly }

    /// Has nothing to make durable.
    public func flush() throws(BlockError) {}

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        throw .readOnly
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        throw .readOnly
    }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try base.extents(in: range, limit: limit)
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { base.observeSize(observer) }
}
