import Bytes
import Glibc
import NFSWire
import Platform

/// One message from the server, valid for the length of the call that gets it, or as long as
/// `buffer` is held where there is one.
struct Record {
    /// The message without its record mark.
    let bytes: UnsafeRawBufferPointer
    /// Keeps the memory, for large messages.
    let buffer: Buffer?
}

/// Cuts a byte stream into records.
///
/// One thread. Nothing blocks.
///
/// Small records are handled where they arrive; a large one is received straight into a pooled
/// buffer, which its receiver may keep: file data is not copied.
final class RecordReader {
    private static let capacity = 1 << 18
    /// Records above this many bytes get a buffer of their own.
    private static let smallLimit = 1 << 15

    private let pool: BufferPool
    private let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: RecordReader.capacity, alignment: 16)
    private var start = 0
    private var end = 0
    private var large: (buffer: Buffer, filled: Int, length: Int)?
    /// Whether the last receive took everything that had arrived.
    private(set) var isDrained = false
    /// Whether much data is expected: then little is read ahead of it, to be received in place.
    var expectsLarge = false

    init(pool: BufferPool) {
        self.pool = pool
    }

    deinit { memory.deallocate() }

    /// Receives once and hands out every record that is complete.
    ///
    /// Returns how many bytes arrived, 0 at the stream's end, or a negated errno.
    func receive(
        from raw: Int32, _ handle: (Record) throws(BytesError) -> Void
    ) throws(BytesError) -> Int {
        if let (buffer, filled, length) = large {
            let got = RawIO.receive(raw, into: slice(buffer.memory, filled..<length))
            isDrained = got < length - filled
            guard got > 0 else { return got }
            if filled + got < length {
                large = (buffer, filled + got, length)
            } else {
                large = nil
                let bytes = UnsafeRawBufferPointer(slice(buffer.memory, 0..<length))
                try handle(Record(bytes: bytes, buffer: buffer))
            }
            return got
        }
        let limit = expectsLarge ? min(Self.capacity, end + 512) : Self.capacity
        let got = RawIO.receive(raw, into: slice(memory, end..<limit))
        isDrained = got < limit - end
        guard got > 0 else { return got }
        end += got
        try cut(handle)
        return got
    }

    private func cut(_ handle: (Record) throws(BytesError) -> Void) throws(BytesError) {
        while end - start >= 4 {
            let mark = memory.loadUnaligned(fromByteOffset: start, as: UInt32.self)
            let length = try RPCMessage.recordLength(mark: UInt32(bigEndian: mark))
            let available = min(length, end - start - 4)
            let bytes = slice(memory, start + 4..<start + 4 + available)
            if length > Self.smallLimit {
                let buffer = pool.take()
                buffer.memory.copyMemory(from: UnsafeRawBufferPointer(bytes))
                start += 4 + available
                if available < length {
                    large = (buffer, available, length)
                    break
                }
                let whole = UnsafeRawBufferPointer(slice(buffer.memory, 0..<length))
                try handle(Record(bytes: whole, buffer: buffer))
            } else {
                guard available == length else { break }
                start += 4 + length
                try handle(Record(bytes: UnsafeRawBufferPointer(bytes), buffer: nil))
            }
        }
        compact()
    }

    private func compact() {
        if start == end {
            start = 0
            end = 0
        } else if Self.capacity - start < Self.smallLimit + 4096 {
            let rest = UnsafeRawBufferPointer(slice(memory, start..<end))
            memory.copyMemory(from: rest)
            end -= start
            start = 0
        }
    }

    private func slice(
        _ memory: UnsafeMutableRawBufferPointer, _ range: Range<Int>
    ) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory[range])
    }
}
