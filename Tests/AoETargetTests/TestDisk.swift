import BlockDevice
import Dispatch
import Platform
import Synchronization

/// A disk in memory that counts, can fail, and can be held up.
final class TestDisk: BlockDevice, Sendable {
    struct Counts: Equatable {
        var reads = 0
        var writes = 0
        var flushes = 0
    }

    private struct State {
        var bytes: [UInt8]
        var counts = Counts()
        var badByte: UInt64?
        var flushFails = false
        var isDirty = false
    }

    let properties: BlockProperties
    private let state: Mutex<State>
    private let gate = Mutex<DispatchSemaphore?>(nil)
    private let observers = BlockSizeObservers()
    /// Signalled when a write has come to the gate.
    private let arrived = DispatchSemaphore(value: 0)

    init(sectors: Int = 2048, isImmediate: Bool = true, isWritable: Bool = true) {
        var capabilities: BlockCapabilities = isWritable ? [.write, .volatileCache] : []
        if isImmediate { capabilities.insert(.immediateReads) }
        properties = BlockProperties(parallelism: 4, capabilities: capabilities)
        state = Mutex(State(bytes: [UInt8](repeating: 0, count: sectors * 512)))
    }

    var size: UInt64 { state.withLock { UInt64($0.bytes.count) } }
    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var counts: Counts { state.withLock { $0.counts } }
    var isDirty: Bool { state.withLock { $0.isDirty } }

    /// Makes reads and writes of this byte fail.
    func spoil(_ byte: UInt64) { state.withLock { $0.badByte = byte } }
    func failFlushes() { state.withLock { $0.flushFails = true } }

    func grow(to sectors: Int) {
        let size = state.withLock { state in
            state.bytes += [UInt8](repeating: 0, count: sectors * 512 - state.bytes.count)
            return UInt64(state.bytes.count)
        }
        observers.tell(size)
    }

    /// Makes writes wait until `open`.
    func close() { gate.withLock { $0 = DispatchSemaphore(value: 0) } }
    /// Waits until one more write has come to the gate; false where none does in a minute.
    func waitForArrival() -> Bool { arrived.wait(timeout: .now() + 60) == .success }
    func open() {
        let old = gate.withLock { gate in
            defer { gate = nil }
            return gate
        }
        old?.signal()
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockError) {
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try check(range)
        try touch(range)
        state.withLock { state in
            state.counts.reads += 1
            let start = Int(offset)
            buffer.copyBytes(from: state.bytes[start..<start + buffer.count])
        }
    }

    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        try read(at: offset, into: buffer)
        return true
    }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        if let gate = gate.withLock({ $0 }) {
            arrived.signal()
            gate.wait()
            gate.signal()
        }
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try checkWrite(range)
        try touch(range)
        state.withLock { state in
            state.counts.writes += 1
            state.isDirty = true
            let start = Int(offset)
            state.bytes.replaceSubrange(start..<start + buffer.count, with: buffer)
        }
    }

    private func touch(_ range: BlockRange) throws(BlockError) {
        guard let bad = state.withLock({ $0.badByte }), bad >= range.offset, bad < range.end else {
            return
        }
        throw .medium(range, SystemError(errno: 5, call: "test"))
    }

    func flush() throws(BlockError) {
        if state.withLock({ $0.flushFails }) { throw .gone("test") }
        state.withLock { state in
            state.counts.flushes += 1
            state.isDirty = false
        }
    }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {}
    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try writeZeroesAsData(range, options: options)
    }
    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        [.data(range.length)]
    }
    func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { observers.add(observer) }
}
