/// Memory for one payload, aligned to a page so that a device can take it as it is.
///
/// Owned by one request at a time, and with it by one thread at a time.
final class AlignedBuffer {
    /// The whole memory.
    let memory: UnsafeMutableRawBufferPointer

    /// Allocates at least this many bytes: the next power of two from 4096 on.
    init(_ count: Int) {
        let size = max(4096, 1 << (Int.bitWidth - (max(count, 1) - 1).leadingZeroBitCount))
        memory = .allocate(byteCount: size, alignment: 4096)
    }

    deinit { memory.deallocate() }
}
