public import BlockDevice
import Synchronization

/// A part of a device as a device of its own: a partition.
///
/// Alignments are told as they are within the window. Follows the device below where it changes its
/// size: a window without a length reaches to its end, one with a length is cut short where the
/// device no longer holds it. Any thread.
public final class WindowDevice: BlockDevice {
    private let base: any BlockDevice
    private let start: UInt64
    private let length: UInt64?

    /// See `BlockDevice`.
    public let properties: BlockProperties

    /// Makes a window at an offset, in bytes; without a length, to the end.
    ///
    /// Throws `outOfRange` where it does not lie within the device.
    public init(
        _ base: any BlockDevice, offset: UInt64, length: UInt64? = nil
    ) throws(BlockError) {
        try base.check(BlockRange(offset: offset, length: length ?? 0))
        self.base = base
        start = offset
        self.length = length
        var properties = base.properties
        // A place of the window is as well aligned below as the window's start is.
        let alignment = offset == 0 ? UInt64.max : offset & (~offset &+ 1)
        if alignment < UInt64(properties.logicalBlockSize) { properties.logicalBlockSize = 512 }
        if alignment < UInt64(properties.physicalBlockSize) {
            properties.physicalBlockSize = max(
                UInt32(alignment), properties.logicalBlockSize)
        }
        self.properties = properties
    }

    /// See `BlockDevice`.
    public var size: UInt64 { Self.size(start, length, of: base.size) }

    private static func size(_ start: UInt64, _ length: UInt64?, of base: UInt64) -> UInt64 {
        let rest = base > start ? base - start : 0
        return min(length ?? rest, rest)
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        do throws(BlockError) { try base.read(at: start + offset, into: buffer) } catch {
            throw told(error)
        }
    }

    /// See `BlockDevice`.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try check(BlockRange(offset: offset, length: UInt64(buffer.count)))
        do throws(BlockError) { return try base.readNow(at: start + offset, into: buffer) } catch {
            throw told(error)
        }
    }

    /// See `BlockDevice`.
    public func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool {
        try checkWrite(BlockRange(offset: offset, length: UInt64(buffer.count)))
        do throws(BlockError) { return try base.writeNow(at: start + offset, from: buffer) } catch {
            throw told(error)
        }
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        try checkWrite(BlockRange(offset: offset, length: UInt64(buffer.count)))
        do throws(BlockError) {
            try base.write(at: start + offset, from: buffer, options: options)
        } catch { throw told(error) }
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        do throws(BlockError) { try base.flush() } catch { throw told(error) }
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        do throws(BlockError) { try base.trim(below(range), options: options) } catch {
            throw told(error)
        }
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        do throws(BlockError) { try base.writeZeroes(below(range), options: options) } catch {
            throw told(error)
        }
    }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        do throws(BlockError) { return try base.extents(in: below(range), limit: limit) } catch {
            throw told(error)
        }
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? {
        let (start, length) = (start, length)
        let told = Told(size)
        return base.observeSize { size in
            let size = Self.size(start, length, of: size)
            if told.size.exchange(size, ordering: .relaxed) != size { observer(size) }
        }
    }

    private final class Told: Sendable {
        let size: Atomic<UInt64>
        init(_ size: UInt64) { self.size = Atomic(size) }
    }

    private func below(_ range: BlockRange) -> BlockRange {
        BlockRange(offset: start + range.offset, length: range.length)
    }

    private func told(_ error: BlockError) -> BlockError {
        // A range that was within the window and is not within the device: it has just shrunk.
        if case .outOfRange(let range, _) = error {
            let offset = max(range.offset, start) - start
            return .outOfRange(BlockRange(offset: offset, length: range.length), size: size)
        }
        return error.moved { $0 >= start ? $0 - start : 0 }
    }
}
