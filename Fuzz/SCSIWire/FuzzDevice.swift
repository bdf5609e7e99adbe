import BlockDevice
import Platform
import Synchronization

/// A small disk in memory that counts what is done to it, fails where it is told to, and remembers
/// whether it was ever asked for bytes that it does not have.
final class FuzzDevice: BlockDevice {
    struct State {
        var bytes: [UInt8]
        var changes = 0
        /// Whether a range was asked for that lies outside.
        var wasOutside = false
        /// How many calls still succeed; nil for all.
        var patience: Int?
        /// Whether the content of the first blocks is stored, one bit each.
        var mapped: UInt64 = 0
    }

    /// Bytes at first, and at most.
    static let size = 24 << 10
    static let limit = 32 << 10

    let properties: BlockProperties
    let state = Mutex(State(bytes: [UInt8](repeating: 0, count: FuzzDevice.size)))
    private let observers = BlockSizeObservers()

    init(blockSize: UInt32, _ capabilities: BlockCapabilities) {
        properties = BlockProperties(
            logicalBlockSize: blockSize, physicalBlockSize: 4096, optimalTransfer: 1 << 14,
            trimGranularity: 4096, capabilities: capabilities)
    }

    var size: UInt64 { state.withLock { UInt64($0.bytes.count) } }

    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        try work(BlockRange(offset: offset, length: UInt64(buffer.count))) { state in
            buffer.copyBytes(from: state.bytes[Int(offset)..<Int(offset) + buffer.count])
        }
    }

    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        guard offset % 3 != 0 else { return false }
        try read(at: offset, into: buffer)
        return true
    }

    func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        guard can(.write) else { throw .readOnly }
        let range = BlockRange(offset: offset, length: UInt64(buffer.count))
        try work(range) { state in
            state.bytes.replaceSubrange(Int(offset)..<Int(offset) + buffer.count, with: buffer)
            state.change(range, isMapped: true)
        }
    }

    func writeNow(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) throws(BlockError) -> Bool {
        guard offset % 3 != 1 else { return false }
        try write(at: offset, from: buffer, options: [])
        return true
    }

    func flush() throws(BlockError) { try work(BlockRange(offset: 0, length: 0)) { _ in } }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try writeZeroes(range, options: [.mayTrim])
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        guard can(.write) else { throw .readOnly }
        try work(range) { state in
            for index in Int(range.offset)..<Int(range.end) { state.bytes[index] = 0 }
            state.change(range, isMapped: !options.contains(.mayTrim))
        }
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        try work(range) { state in
            var extents: [BlockExtent] = []
            var place = range.offset
            while place < range.end, extents.count < limit {
                let end = min(range.end, (place / State.unit + 1) * State.unit)
                let isMapped = state.mapped >> (place / State.unit) & 1 == 1
                extents.append(isMapped ? .data(end - place) : .hole(end - place))
                place = end
            }
            return extents
        }
    }

    func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { observers.add(observer) }

    /// Changes the size, and says so.
    func resize(to size: Int) {
        state.withLock { state in
            let more = max(0, size - state.bytes.count)
            state.bytes = Array(state.bytes.prefix(size)) + [UInt8](repeating: 0, count: more)
        }
        observers.tell(UInt64(size))
    }

    private func work<Result: Sendable>(
        _ range: BlockRange, _ body: (inout State) -> Result
    ) throws(BlockError) -> Result {
        var failure: BlockError?
        let result: Result? = state.withLock { state in
            guard range.lies(within: UInt64(state.bytes.count)) else {
                state.wasOutside = true
                failure = .outOfRange(range, size: UInt64(state.bytes.count))
                return nil
            }
            if let patience = state.patience {
                guard patience > 0 else {
                    failure = .medium(range, SystemError(errno: 5, call: "read"))
                    return nil
                }
                state.patience = patience - 1
            }
            return body(&state)
        }
        guard let result else { throw failure ?? .gone("nothing was done") }
        return result
    }
}

extension FuzzDevice.State {
    /// What is stored is kept in these units, in bytes: not those of the disk.
    static let unit: UInt64 = 1536

    mutating func change(_ range: BlockRange, isMapped: Bool) {
        guard range.length > 0 else { return }
        changes += 1
        let first = isMapped ? range.offset / Self.unit : (range.offset + Self.unit - 1) / Self.unit
        let end = isMapped ? (range.end + Self.unit - 1) / Self.unit : range.end / Self.unit
        guard first < end else { return }
        for unit in first..<min(end, 64) {
            if isMapped { mapped |= 1 << unit } else { mapped &= ~(1 << unit) }
        }
    }
}
