/// A disk: bytes at offsets, and what must be known to serve them honestly.
///
/// The seam between what holds blocks (a file, a storage daemon, a volume, a synthetic disk) and
/// what hands them out (iSCSI, NBD, AoE). Everything else decorates a device with a device: a
/// window, an overlay, a cache, a rate limit, faults, a recorder.
///
/// Any thread may call, many at once; calls that overlap in time may take effect in any order, as
/// on a real disk. Every call blocks until it is done: servers run calls on threads of their own,
/// in batches, and may try `readNow` and `writeNow` on a thread that should not wait. Offsets and
/// lengths are in bytes and need not be multiples of a sector; a device whose store works in larger
/// units reads, changes and writes back. A range must lie within `size`, else the call throws
/// `outOfRange` and nothing has happened. An empty range succeeds and does nothing.
///
/// A write is *acknowledged* when the call returns, and *durable* after a later `flush` that
/// returned, or at once with `.forceUnitAccess`. A flush covers every write that was acknowledged
/// before the flush began, by whichever thread. After a failed flush nothing may be assumed about
/// writes since the last one that succeeded.
public protocol BlockDevice: AnyObject, Sendable {
    /// Size now, in bytes; may change, see `observeSize`.
    var size: UInt64 { get }

    /// What does not change while the device is open.
    var properties: BlockProperties { get }

    /// Fills `buffer` from `offset` on.
    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError)

    /// Reads as `read` does where that needs no waiting; returns false, having promised nothing
    /// about the buffer, where it would need to.
    ///
    /// Asked for only where `properties.capabilities` has `.immediateReads`.
    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool

    /// Stores `buffer` from `offset` on.
    ///
    /// Throws `readOnly` without the capability `.write`.
    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError)

    /// Stores as `write` does without options, where no waiting is to be expected; returns false
    /// where it is, and then the range holds what it held or any part of `buffer`: the caller
    /// goes on with `write`.
    ///
    /// A forecast, not a promise: file systems cannot be asked, so a call may wait, which makes
    /// the device foresee that for the next ones. Asked for only where
    /// `properties.capabilities` has `.immediateWrites`.
    func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool

    /// Makes every acknowledged write durable.
    func flush() throws(BlockError)

    /// Says that the range's content is no longer needed.
    ///
    /// A hint: afterwards the range reads as anything, or as zeros with the capability
    /// `.trimmedReadsZero`. A device without `.trim` does nothing.
    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError)

    /// Makes the range read as zeros.
    ///
    /// Works on every writable device. With `.mayTrim` the space may be given back; with
    /// `.onlyIfFast` the call throws `notSupported` at once, having changed nothing, where it would
    /// be no faster than writing zeros.
    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError)

    /// How the range is stored: consecutive extents from its start, at most `limit` (at least 1)
    /// of them, which may end before the range does.
    ///
    /// A device without `.extents` answers one extent of data.
    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent]

    /// Calls `observer`, from any thread, after each change of `size`, until the observation that
    /// is returned is released; nil where the size never changes.
    func observeSize(_ observer: @escaping @Sendable (UInt64) -> Void) -> (any BlockObservation)?
}

/// Something that ends when it is released.
public protocol BlockObservation: AnyObject, Sendable {}

extension BlockDevice {
    /// Never reads without waiting.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool { false }

    /// Never writes without waiting.
    public func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool { false }

    /// Never changes its size.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { nil }

    /// Shorthand for one capability.
    public func can(_ capability: BlockCapabilities) -> Bool {
        properties.capabilities.isSuperset(of: capability)
    }
}
