import Synchronization

/// Those who want to know when a device's size changes: what a device keeps for `observeSize`.
///
/// Any thread.
public final class BlockSizeObservers: Sendable {
    private struct State {
        var next: UInt64 = 0
        var observers: [UInt64: @Sendable (UInt64) -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Nobody yet.
    public init() {}

    /// Adds an observer until what is returned is released.
    public func add(_ observer: @escaping @Sendable (UInt64) -> Void) -> any BlockObservation {
        let number = state.withLock { state in
            state.next += 1
            state.observers[state.next] = observer
            return state.next
        }
        return Observation(number, of: self)
    }

    /// Tells everybody the new size, one after the other, on this thread.
    ///
    /// Who is removed meanwhile may hear it still.
    public func tell(_ size: UInt64) {
        let observers = state.withLock { Array($0.observers.values) }
        for observer in observers { observer(size) }
    }

    private final class Observation: BlockObservation {
        let number: UInt64
        let owner: BlockSizeObservers

        init(_ number: UInt64, of owner: BlockSizeObservers) {
            self.number = number
            self.owner = owner
        }

        deinit { _ = owner.state.withLock { $0.observers.removeValue(forKey: number) } }
    }
}
