import BlockDevice
import Platform
import Synchronization

/// A disk in memory that counts, can fail, and can be held up.
final class TestDisk: BlockDevice, Sendable {
    struct Counts: Equatable {
        var reads = 0
        var writes = 0
        var durableWrites = 0
        var flushes = 0
        var trims = 0
        var zeroes = 0
    }

    private struct State {
        var bytes: [UInt8]
        var counts = Counts()
        var gate: Gate?
        var badByte: UInt64?
        /// Bytes written since the last flush.
        var isDirty = false
    }

    /// Calls that arrive write a byte, and wait until the other pipe's writer is gone.
    private final class Gate: Sendable {
        let arrivals: (reader: OwnedFD, writer: OwnedFD)
        let opening: OwnedFD
        let holder: Mutex<OwnedFD?>

        init() throws {
            arrivals = try Descriptors.pipe()
            let (reader, writer) = try Descriptors.pipe()
            opening = reader
            holder = Mutex(writer)
        }
    }

    let properties: BlockProperties
    let size: UInt64
    private let state: Mutex<State>

    init(
        size: Int = 1 << 20, capabilities: BlockCapabilities = [.write, .trim, .extents],
        logical: UInt32 = 512
    ) {
        self.size = UInt64(size)
        properties = BlockProperties(
            logicalBlockSize: logical, parallelism: 4, capabilities: capabilities)
        state = Mutex(State(bytes: [UInt8](repeating: 0, count: size)))
    }

    var counts: Counts { state.withLock { $0.counts } }
    var isDirty: Bool { state.withLock { $0.isDirty } }
    var bytes: [UInt8] { state.withLock { $0.bytes } }

    /// Makes every read that touches this byte fail, or none.
    func fail(at byte: UInt64?) { state.withLock { $0.badByte = byte } }

    /// Holds up everything that may wait, until `release`.
    func hold() throws {
        let gate = try Gate()
        state.withLock { $0.gate = gate }
    }

    func release() {
        let gate = state.withLock { state in
            defer { state.gate = nil }
            return state.gate
        }
        gate?.holder.withLock { $0 = nil }
    }

    /// Waits until this many calls are held up; false where it takes a minute.
    func waitForHeld(_ count: Int) throws -> Bool {
        guard let gate = state.withLock({ $0.gate }) else { return false }
        for _ in 0..<count {
            let reader = gate.arrivals.reader.raw
            guard try Descriptors.waitReadable(reader, milliseconds: 60_000) else { return false }
            _ = try Descriptors.readSome(reader, limit: 1)
        }
        return true
    }

    private func pass() {
        guard let gate = state.withLock({ $0.gate }) else { return }
        try? Files.writeAll([1], to: gate.arrivals.writer.raw)
        _ = try? Descriptors.waitReadable(gate.opening.raw, milliseconds: 120_000)
    }

    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        pass()
        try copy(offset, buffer)
    }

    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try copy(offset, buffer)
        return true
    }

    private func copy(
        _ offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try check(range)
        let isBad = state.withLock { state in
            state.counts.reads += 1
            if let bad = state.badByte, bad >= offset, bad < range.end { return true }
            buffer.copyBytes(from: state.bytes[Int(offset)..<Int(range.end)])
            return false
        }
        if isBad { throw .medium(range, SystemError(errno: 5, call: "read")) }
    }

    func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool {
        try write(at: offset, from: buffer, options: [])
        return true
    }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        pass()
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try checkWrite(range)
        state.withLock { state in
            state.counts.writes += 1
            if options.contains(.forceUnitAccess) {
                state.counts.durableWrites += 1
            } else {
                state.isDirty = true
            }
            state.bytes.replaceSubrange(Int(offset)..<Int(range.end), with: buffer)
        }
    }

    func flush() throws(BlockError) {
        pass()
        state.withLock { state in
            state.counts.flushes += 1
            state.isDirty = false
        }
    }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        state.withLock { $0.counts.trims += 1 }
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try checkWrite(range)
        if options.contains(.onlyIfFast), !can(.fastZeroes) { throw .notSupported("fast zeros") }
        state.withLock { state in
            state.counts.zeroes += 1
            for index in Int(range.offset)..<Int(range.end) { state.bytes[index] = 0 }
        }
    }

    private static let zeros = [UInt8](repeating: 0, count: 4096)

    /// Blocks of 4096 zeros are holes.
    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try check(range)
        let bytes = bytes
        var extents: [BlockExtent] = []
        var offset = range.offset
        while offset < range.end, extents.count < limit {
            let end = min(range.end, (offset / 4096 + 1) * 4096)
            let isZero = bytes[Int(offset)..<Int(end)] == Self.zeros[..<Int(end - offset)]
            extents.append(isZero ? .hole(end - offset) : .data(end - offset))
            offset = end
        }
        return extents
    }
}
