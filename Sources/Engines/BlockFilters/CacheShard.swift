import Synchronization

/// A part of a cache behind one lock: slots, which block is in which, and the clock's hand.
///
/// Any thread. Allocates nothing after it is made.
final class CacheShard: Sendable {
    private struct Slot {
        var block: UInt64 = 0
        var isUsed = false
        /// Read since the hand came by.
        var isRecent = false
        /// Being changed: not to be read.
        var isHidden = false
    }

    /// Touched under the lock only.
    private struct State: @unchecked Sendable {
        let memory: UnsafeMutableRawPointer
        var slots: [Slot]
        var places: [UInt64: Int] = [:]
        var hand = 0
    }

    private let blockSize: Int
    private let state: Mutex<State>

    init(blockSize: Int, slots: Int) {
        self.blockSize = blockSize
        var state = State(
            memory: .allocate(byteCount: slots * blockSize, alignment: 4096),
            slots: [Slot](repeating: Slot(), count: slots))
        state.places.reserveCapacity(slots + 1)
        self.state = Mutex(state)
    }

    deinit { state.withLock { $0.memory.deallocate() } }

    func read(_ block: UInt64, from start: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool
    {
        // Only this thread has the buffer, and the memory is copied under the lock.
        nonisolated(unsafe) let buffer = buffer
        return state.withLock { state in
            guard let place = state.places[block], !state.slots[place].isHidden else {
                return false
            }
            state.slots[place].isRecent = true
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(
                    start: state.memory + place * blockSize + start, count: buffer.count))
            return true
        }
    }

    func holds(_ block: UInt64) -> Bool {
        state.withLock { state in
            guard let place = state.places[block] else { return false }
            return !state.slots[place].isHidden
        }
    }

    /// Keeps a whole block, if it may still be kept once the lock is held.
    func insert(_ block: UInt64, _ bytes: UnsafeRawBufferPointer, if mayKeep: () -> Bool) {
        // Only this thread has the bytes, and the memory is copied under the lock.
        nonisolated(unsafe) let bytes = bytes
        state.withLock { state in
            guard mayKeep() else { return }
            let place = state.places[block] ?? Self.freeSlot(&state)
            state.slots[place] = Slot(block: block, isUsed: true)
            state.places[block] = place
            (state.memory + place * blockSize).copyMemory(
                from: bytes.baseAddress ?? UnsafeRawPointer(state.memory), byteCount: bytes.count)
        }
    }

    /// Makes a block unreadable that is about to change.
    func hide(_ block: UInt64) {
        state.withLock { state in
            guard let place = state.places[block] else { return }
            state.slots[place].isHidden = true
        }
    }

    /// Changes a hidden block and makes it readable, or removes it where it may not be.
    func show(
        _ block: UInt64, with bytes: UnsafeRawBufferPointer, at start: Int, if mayShow: () -> Bool
    ) {
        // Only this thread has the bytes, and the memory is copied under the lock.
        nonisolated(unsafe) let bytes = bytes
        state.withLock { state in
            guard let place = state.places[block] else { return }
            guard mayShow() else { return Self.remove(block, from: &state) }
            UnsafeMutableRawBufferPointer(
                start: state.memory + place * blockSize + start, count: bytes.count
            ).copyMemory(from: bytes)
            state.slots[place].isHidden = false
            state.slots[place].isRecent = true
        }
    }

    func remove(_ block: UInt64) { state.withLock { Self.remove(block, from: &$0) } }

    func removeAll() {
        state.withLock { state in
            for place in state.slots.indices { state.slots[place] = Slot() }
            state.places.removeAll(keepingCapacity: true)
        }
    }

    private static func remove(_ block: UInt64, from state: inout State) {
        guard let place = state.places.removeValue(forKey: block) else { return }
        state.slots[place] = Slot()
    }

    /// The next slot that is free or was not read for a round of the hand.
    private static func freeSlot(_ state: inout State) -> Int {
        while true {
            let place = state.hand
            state.hand = (state.hand + 1) % state.slots.count
            if !state.slots[place].isUsed { return place }
            if state.slots[place].isRecent {
                state.slots[place].isRecent = false
                continue
            }
            state.places.removeValue(forKey: state.slots[place].block)
            return place
        }
    }
}
