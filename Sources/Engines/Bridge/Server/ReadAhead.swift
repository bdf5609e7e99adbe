import NFSWire

/// Data of one file that was read before it was asked for.
///
/// One thread.
final class ReadAhead {
    /// Bytes in a chunk: the longest read that the guest's server answers.
    static let chunkSize = 1 << 20
    /// Longest distance to read ahead, in bytes.
    static let windowLimit = 8 << 20

    /// Consecutive bytes that were asked for, or have arrived.
    final class Chunk {
        let offset: UInt64
        var length: Int
        /// Where the data lies, once it is there.
        var data: (buffer: Buffer, range: Range<Int>)?
        /// Whether the file ends within the chunk.
        var isEnd = false
        /// Whether the file has changed since it was asked for.
        var isStale = false
        /// Called once when the data is there, or will not come.
        var waiters: [() -> Void] = []

        init(offset: UInt64, length: Int) {
            self.offset = offset
            self.length = length
        }

        var end: UInt64 { offset + UInt64(length) }
    }

    /// Where wanted bytes are.
    enum Finding {
        /// Here, in this order; fewer than wanted only at the end of the file.
        case here([(buffer: Buffer, range: Range<Int>)])
        /// On their way.
        case coming(Chunk)
        /// Not asked for.
        case absent
    }

    /// When it was last read from, in monotonic milliseconds.
    var lastUse: Int64 = 0
    /// In ascending order; they do not overlap.
    private(set) var chunks: [Chunk] = []

    /// Bytes held or on their way.
    var bytes: Int { chunks.reduce(0) { $0 + $1.length } }

    /// Adds a chunk that is being asked for.
    func add(_ chunk: Chunk) {
        let place = chunks.firstIndex { $0.offset > chunk.offset } ?? chunks.count
        chunks.insert(chunk, at: place)
    }

    /// Takes a chunk out.
    func remove(_ chunk: Chunk) {
        chunks.removeAll { $0 === chunk }
    }

    /// Forgets everything; what is on its way will not be used.
    func drop() {
        for chunk in chunks { chunk.isStale = true }
        chunks = []
    }

    /// Takes out what has been read up to `offset`, where reading is at.
    func consume(upTo offset: UInt64, from: UInt64) {
        chunks.removeAll { $0.data != nil && $0.end <= offset && $0.end > from }
    }

    /// Looks for bytes.
    func find(offset: UInt64, size: Int) -> Finding {
        var pieces: [(buffer: Buffer, range: Range<Int>)] = []
        var position = offset
        let end = offset + UInt64(size)
        for chunk in chunks where chunk.end > position {
            guard position < end else { break }
            guard chunk.offset <= position else { return .absent }
            guard let data = chunk.data else { return .coming(chunk) }
            let skip = Int(position - chunk.offset)
            let count = min(Int(end - position), data.range.count - skip)
            if count > 0 {
                let start = data.range.lowerBound + skip
                pieces.append((data.buffer, start..<start + count))
                position += UInt64(count)
            }
            if chunk.isEnd { return .here(pieces) }
        }
        return position == end ? .here(pieces) : .absent
    }

    /// Where the bytes from `offset` on that are held or on their way end without a gap.
    func coverage(from offset: UInt64) -> UInt64 {
        var position = offset
        for chunk in chunks where chunk.end > position {
            guard chunk.offset <= position else { break }
            position = chunk.isEnd ? .max : chunk.end
        }
        return position
    }
}
