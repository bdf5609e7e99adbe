public import BlockDevice
import Bytes
import Platform
import Synchronization

/// A device on which things go wrong, as rules say: errors, delays, hangs, torn writes.
///
/// The rules are tried in order and the first that applies to a call decides. With the same seed
/// and the same order of calls the same calls go wrong; print the seed. Hangs are bounded. Any
/// thread.
public final class FaultDevice: BlockDevice {
    private struct State {
        var rules: [FaultRule]
        var counts: [UInt64]
        var generator: SeededGenerator
        var faults: UInt64 = 0
    }

    private let base: any BlockDevice
    private let state: Mutex<State>
    private let releases = Condition<UInt64>(0)

    /// What random faults follow from.
    public let seed: UInt64

    /// Lets things go wrong on a device.
    public init(_ base: any BlockDevice, rules: [FaultRule] = [], seed: UInt64) {
        self.base = base
        self.seed = seed
        state = Mutex(
            State(
                rules: rules, counts: [UInt64](repeating: 0, count: rules.count),
                generator: SeededGenerator(seed: seed)))
    }

    /// Replaces the rules; their counts begin anew.
    public func setRules(_ rules: [FaultRule]) {
        state.withLock { state in
            state.rules = rules
            state.counts = [UInt64](repeating: 0, count: rules.count)
        }
    }

    /// How many calls something has gone wrong with.
    public var faults: UInt64 { state.withLock { $0.faults } }

    /// Ends every hang that is under way.
    public func release() { releases.change { $0 += 1 } }

    /// See `BlockDevice`.
    public var size: UInt64 { base.size }
    /// What the device can do, but that a change may have to wait.
    public var properties: BlockProperties {
        var properties = base.properties
        properties.capabilities.remove(.immediateWrites)
        return properties
    }

    private func effect(_ call: BlockCalls, _ range: BlockRange?) -> FaultRule.Effect? {
        state.withLock { state in
            for index in state.rules.indices where state.rules[index].concerns(call, range) {
                state.counts[index] += 1
                let applies = state.rules[index].applies(
                    state.counts[index], using: &state.generator)
                guard applies else { continue }
                state.faults += 1
                return state.rules[index].effect
            }
            return nil
        }
    }

    /// Lets a call go wrong where it is to; returns how much of a write is to be done before.
    private func meet(
        _ call: BlockCalls, _ range: BlockRange?
    ) throws(BlockError) -> (bytes: Int, error: BlockError)? {
        switch effect(call, range) {
        case nil: return nil
        case .fail(let error): throw error
        case .tear(let bytes, let error):
            guard call == .write else { throw error }
            return (bytes, error)
        case .delay(let milliseconds):
            Clock.sleep(milliseconds: milliseconds)
            return nil
        case .hang(let milliseconds):
            let start = releases.change { $0 }
            let freed: Bool? = releases.wait(milliseconds: milliseconds) {
                $0 == start ? nil : true
            }
            throw .gone("the device hung \(freed == nil ? "too long" : "and was let go")")
        }
    }

    private func range(_ offset: UInt64, _ count: Int) -> BlockRange {
        BlockRange(offset: offset, length: UInt64(count))
    }

    /// See `BlockDevice`.
    public func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) {
        _ = try meet(.read, range(offset, buffer.count))
        try base.read(at: offset, into: buffer)
    }

    /// See `BlockDevice`; a read with a rule about it never happens at once.
    public func readNow(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(BlockError) -> Bool {
        let range = range(offset, buffer.count)
        // Whether something goes wrong is decided in the read that may wait.
        let isConcerned = state.withLock { state in
            state.rules.contains { $0.concerns(.read, range) }
        }
        if isConcerned {
            try check(range)
            return false
        }
        return try base.readNow(at: offset, into: buffer)
    }

    /// See `BlockDevice`.
    public func write(
        at offset: UInt64, from buffer: UnsafeRawBufferPointer, options: BlockWriteOptions
    ) throws(BlockError) {
        if let torn = try meet(.write, range(offset, buffer.count)) {
            let part = UnsafeRawBufferPointer(rebasing: buffer.prefix(max(0, torn.bytes)))
            try base.write(at: offset, from: part, options: options)
            throw torn.error
        }
        try base.write(at: offset, from: buffer, options: options)
    }

    /// See `BlockDevice`.
    public func flush() throws(BlockError) {
        _ = try meet(.flush, nil)
        try base.flush()
    }

    /// See `BlockDevice`.
    public func trim(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        _ = try meet(.trim, range)
        try base.trim(range, options: options)
    }

    /// See `BlockDevice`.
    public func writeZeroes(_ range: BlockRange, options: BlockWriteOptions) throws(BlockError) {
        _ = try meet(.writeZeroes, range)
        try base.writeZeroes(range, options: options)
    }

    /// See `BlockDevice`.
    public func extents(in range: BlockRange, limit: Int) throws(BlockError) -> [BlockExtent] {
        _ = try meet(.extents, range)
        return try base.extents(in: range, limit: limit)
    }

    /// See `BlockDevice`.
    public func observeSize(
        _ observer: @escaping @Sendable (UInt64) -> Void
    ) -> (any BlockObservation)? { base.observeSize(observer) }
}
