/// One open file of a process.
///
/// One thread.
final class OpenFile {
    /// The kernel's number of the file.
    let number: UInt64
    /// The file's state, shared by all who have it open.
    let state: NodeState
    /// Where the next read begins if the file is read from start to end.
    var expected: UInt64 = 0
    /// How many reads have followed one another.
    var streak = 0
    /// How many bytes are read ahead.
    var window = ReadAhead.chunkSize

    init(number: UInt64, state: NodeState) {
        self.number = number
        self.state = state
    }

    /// Takes note of a read; the kernel may send neighbouring reads in any order.
    func noteRead(offset: UInt64, size: Int) {
        let tolerance = UInt64(ReadAhead.chunkSize)
        if offset >= expected, offset - expected <= tolerance / 4 {
            streak += 1
            expected = offset + UInt64(size)
        } else if offset < expected, expected - offset <= tolerance {
            expected = max(expected, offset + UInt64(size))
        } else {
            streak = 0
            window = ReadAhead.chunkSize
            expected = offset + UInt64(size)
        }
    }
}

/// Values under numbers that are used again: the kernel's file handles.
struct HandleTable<Value> {
    private var slots: [Value?] = []
    private var free: [Int] = []
    /// How many are in use.
    private(set) var count = 0

    /// Keeps a value and returns its number, from 1.
    mutating func insert(_ value: Value) -> UInt64 {
        count += 1
        if let slot = free.popLast() {
            slots[slot] = value
            return UInt64(slot + 1)
        }
        slots.append(value)
        return UInt64(slots.count)
    }

    /// The value with a number.
    subscript(number: UInt64) -> Value? {
        number >= 1 && number <= UInt64(slots.count) ? slots[Int(number - 1)] : nil
    }

    /// Lets go of a value.
    mutating func remove(_ number: UInt64) -> Value? {
        guard let value = self[number] else { return nil }
        slots[Int(number - 1)] = nil
        free.append(Int(number - 1))
        count -= 1
        return value
    }
}
