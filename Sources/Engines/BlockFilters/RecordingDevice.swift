public import BlockDevice
public import Platform
import Synchronization

/// A device whose every change is written into a log, for crash replay.
///
/// Changes and flushes go one at a time, so that the log's order is the order in which they took
/// effect; reads do not wait for them. Where the log cannot take a change (its disk is full), that
/// change and every later one fail: a log never lacks what a client was told. Any thread.
public final class RecordingDevice: BlockDevice {
    private struct State {
        var end: UInt64
        let limit: UInt64
        /// The log lacks a change that the device has: it can take no more.
        var isBroken = false
    }

    private let base: any BlockDevice
    private let log: OwnedFD
    private let state: Mutex<State>

    /// Records into an empty file, or behind the last whole record of a log of this device, at most
    /// `limit` bytes; changes beyond it throw `noSpace`.
    ///
    /// Throws `foreign` where the file holds anything else.
    public init(
        _ base: any BlockDevice, log: OwnedFD, limit: UInt64 = 8 << 30
    ) throws(BlockLog.Failure) {
        self.base = base
        self.log = log
        state = Mutex(State(end: try Self.prepare(log, deviceSize: base.size), limit: limit))
    }

    /// Makes a file ready for records; returns where the next one goes.
    private static func prepare(
        _ log: OwnedFD, deviceSize: UInt64
    ) throws(BlockLog.Failure) -> UInt64 {
        do {
            guard try Files.status(log).size > 0 else {
                let header = BlockLog.header(deviceSize: deviceSize)
                try Files.write(header, to: log, at: 0)
                return UInt64(header.count)
            }
            let earlier = try BlockLog(log)
            guard earlier.deviceSize == deviceSize else { throw BlockLog.Failure.foreign }
            // Content without its record must not be taken for records later.
            try Files.truncate(log, to: earlier.end)
            return earlier.end
        } catch let failure as BlockLog.Failure {
            throw failure
        } catch let error as SystemError {
            throw .system(error)
        } catch { throw .foreign }
    }

    /// See `BlockDevice`.
    public var size: UInt64 { base.size }

    /// What the device can do, but that a change may have to wait.
    public var properties: BlockProperties {
        var properties = base.properties
        properties.capabilities.remove(.immediateWrites)
        return properties
    }

    /// Makes what is recorded durable.
    public func syncLog() throws(SystemError) { try Files.sync(log) }

    /// Does a change, and writes it down once it has succeeded.
    private func record(
        _ kind: BlockLog.Kind, _ range: BlockRange, _ options: BlockWriteOptions,
        content: UnsafeRawBufferPointer? = nil, _ work: () throws(BlockError) -> Void
    ) throws(BlockError) {
        // Only this thread has the content, and only while it holds the lock.
        nonisolated(unsafe) let content = content
        let header = BlockLog.record(kind, range, options)
        try state.withLock { state throws(BlockError) in
            let end = state.end + UInt64(header.count) + UInt64(content?.count ?? 0)
            guard !state.isBroken else { throw .gone("its record could not be written") }
            guard end <= state.limit else { throw .noSpace(range) }
            try work()
            state.isBroken = true
            if let content, content.count > 0 {
                try write(content, at: state.end + UInt64(header.count), for: range)
            }
            // The record comes after its content, so that what is there is whole.
            do throws(SystemError) { try Files.write(header, to: log, at: state.end) } catch {
                throw .medium(range, error)
            }
            state.isBroken = false
            state.end = end
        }
    }

    private func write(
        _ content: UnsafeRawBufferPointer, at place: UInt64, for range: BlockRange
    ) throws(BlockError) {
        let put = BlockIO.write(log.raw, at: place, from: content, durable: false)
        if put < 0 { throw .medium(range, BlockIO.error(put, "write the block log")) }
    }

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
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try record(.write, range, options, content: buffer) { () throws(BlockError) in
            try base.write(at: offset, from: buffer, options: options)
        }
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        try record(.flush, BlockRange(offset: 0, length: 0), []) { () throws(BlockError) in
            try base.flush()
        }
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try record(.trim, range, options) { () throws(BlockError) in
            try base.trim(range, options: options)
        }
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try record(.writeZeroes, range, options) { () throws(BlockError) in
            try base.writeZeroes(range, options: options)
        }
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
