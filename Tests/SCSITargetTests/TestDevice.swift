import BlockDevice
import Platform
import Synchronization

/// A disk in memory for these tests: counts what is done to it, and fails where it is told to.
final class TestDevice: BlockDevice {
    struct State {
        var bytes: [UInt8]
        /// For each 512 bytes whether they are stored.
        var mapped: [Bool]
        var flushes = 0
        var reads = 0
        var lastOptions: BlockWriteOptions = []
        /// What the next reads, or writes and flushes, throw.
        var readError: BlockError?
        var writeError: BlockError?
        /// Called in the middle of a read, outside the lock.
        var duringRead: (@Sendable () -> Void)?
    }

    let properties: BlockProperties
    let state: Mutex<State>
    private let observers = BlockSizeObservers()

    static let everything: BlockCapabilities = [
        .write, .volatileCache, .forceUnitAccess, .trim, .trimmedReadsZero, .fastZeroes, .extents,
        .immediateReads, .immediateWrites,
    ]

    init(
        blocks: Int = 1024, blockSize: UInt32 = 512, physical: UInt32? = nil,
        _ capabilities: BlockCapabilities = TestDevice.everything
    ) {
        properties = BlockProperties(
            logicalBlockSize: blockSize, physicalBlockSize: physical ?? blockSize,
            optimalTransfer: 1 << 16, trimGranularity: blockSize, capabilities: capabilities)
        let size = blocks * Int(blockSize)
        state = Mutex(
            State(
                bytes: [UInt8](repeating: 0, count: size),
                mapped: [Bool](repeating: false, count: size / 512)))
    }

    var size: UInt64 { state.withLock { UInt64($0.bytes.count) } }

    func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        let hook = state.withLock { $0.duringRead }
        hook?()
        let error: BlockError? = state.withLock { state in
            state.reads += 1
            if let error = state.readError { return error }
            let range = BlockRange(offset: offset, length: UInt64(buffer.count))
            guard range.lies(within: UInt64(state.bytes.count)) else {
                return .outOfRange(range, size: UInt64(state.bytes.count))
            }
            buffer.copyBytes(from: state.bytes[Int(offset)..<Int(offset) + buffer.count])
            return nil
        }
        if let error { throw error }
    }

    func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        guard can(.immediateReads) else { return false }
        try read(at: offset, into: buffer)
        return true
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
        try change(BlockRange(offset: offset, length: UInt64(buffer.count)), options) { state in
            state.bytes.replaceSubrange(Int(offset)..<Int(offset) + buffer.count, with: buffer)
            state.map(BlockRange(offset: offset, length: UInt64(buffer.count)), true)
        }
    }

    func flush() throws(BlockError) {
        let error: BlockError? = state.withLock { state in
            state.flushes += 1
            return state.writeError
        }
        if let error { throw error }
    }

    func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try writeZeroes(range, options: [.mayTrim])
    }

    func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        try change(range, options) { state in
            for index in Int(range.offset)..<Int(range.end) { state.bytes[index] = 0 }
            state.map(range, !options.contains(.mayTrim))
        }
    }

    func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        state.withLock { state in
            var extents: [BlockExtent] = []
            var place = range.offset
            while place < range.end, extents.count < limit {
                let isMapped = state.mapped[Int(place / 512)]
                var end = place
                while end < range.end, state.mapped[Int(end / 512)] == isMapped {
                    end = min(range.end, (end / 512 + 1) * 512)
                }
                extents.append(isMapped ? .data(end - place) : .hole(end - place))
                place = end
            }
            return extents
        }
    }

    func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { observers.add(observer) }

    /// Makes the disk larger and says so.
    func grow(by blocks: Int) {
        let size = state.withLock { state in
            let more = blocks * Int(properties.logicalBlockSize)
            state.bytes += [UInt8](repeating: 0, count: more)
            state.mapped += [Bool](repeating: false, count: more / 512)
            return UInt64(state.bytes.count)
        }
        observers.tell(size)
    }

    private func change(
        _ range: BlockRange, _ options: BlockWriteOptions, _ body: (inout State) -> Void
    ) throws(BlockError) {
        let error: BlockError? = state.withLock { state in
            guard can(.write) else { return .readOnly }
            if let error = state.writeError { return error }
            guard range.lies(within: UInt64(state.bytes.count)) else {
                return .outOfRange(range, size: UInt64(state.bytes.count))
            }
            state.lastOptions = options
            body(&state)
            return nil
        }
        if let error { throw error }
    }
}

extension TestDevice.State {
    /// Marks whole units of 512 bytes; parts stay as they are unless something is stored there.
    mutating func map(_ range: BlockRange, _ isMapped: Bool) {
        var unit = isMapped ? range.offset / 512 : (range.offset + 511) / 512
        let end = isMapped ? (range.end + 511) / 512 : range.end / 512
        while unit < end {
            mapped[Int(unit)] = isMapped
            unit += 1
        }
    }
}
