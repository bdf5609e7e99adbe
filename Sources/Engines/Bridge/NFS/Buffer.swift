/// Memory for one large message, given back to its pool when the last reference goes.
final class Buffer {
    /// The memory; what is in it is whatever was there before.
    let memory: UnsafeMutableRawBufferPointer
    private let pool: BufferPool?

    fileprivate init(_ memory: UnsafeMutableRawBufferPointer, _ pool: BufferPool?) {
        self.memory = memory
        self.pool = pool
    }

    /// Copies a few bytes into memory of just their size, outside any pool.
    convenience init(copying bytes: UnsafeRawBufferPointer) {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: bytes.count, alignment: 16)
        memory.copyMemory(from: bytes)
        self.init(memory, nil)
    }

    deinit {
        if let pool { pool.giveBack(memory) } else { memory.deallocate() }
    }
}

/// Buffers of one size, used again and again.
///
/// One thread.
final class BufferPool {
    /// Bytes in each: a transfer of 1 MiB and whatever head a message has.
    static let capacity = (1 << 20) + (1 << 16)
    /// How many unused ones are kept.
    private static let kept = 12

    private var unused: [UnsafeMutableRawBufferPointer] = []
    /// How many are in use.
    private(set) var lent = 0

    deinit { for memory in unused { memory.deallocate() } }

    /// Lends a buffer.
    func take() -> Buffer {
        lent += 1
        let memory =
            unused.popLast() ?? .allocate(byteCount: Self.capacity, alignment: 4096)
        return Buffer(memory, self)
    }

    fileprivate func giveBack(_ memory: UnsafeMutableRawBufferPointer) {
        lent -= 1
        if unused.count < Self.kept { unused.append(memory) } else { memory.deallocate() }
    }
}
