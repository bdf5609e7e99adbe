import Glibc
import Platform

/// What waits to go out over a socket: small things copied, large things referred to.
///
/// One thread. Nothing blocks.
struct SendQueue {
    /// A piece of memory and whoever keeps it.
    private struct Piece {
        var owner: AnyObject
        var base: UnsafeMutableRawPointer
        var count: Int
    }

    /// Memory into which small things are copied.
    private final class Chunk {
        static let capacity = 1 << 16
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Chunk.capacity, alignment: 16)
        var filled = 0
        deinit { memory.deallocate() }
    }

    private static let piecesAtOnce = 64

    private var pieces: [Piece] = []
    private var first = 0
    private var chunk = Chunk()
    /// Bytes that wait.
    private(set) var count = 0

    /// Whether nothing waits.
    var isEmpty: Bool { count == 0 }

    /// Appends a copy of some bytes.
    mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append(copying: $0) }
    }

    /// Appends a copy of some bytes.
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty {
            if chunk.filled == Chunk.capacity { chunk = Chunk() }
            let part = rest.prefix(Chunk.capacity - chunk.filled)
            guard let base = chunk.memory.baseAddress else { return }
            let target = base + chunk.filled
            UnsafeMutableRawBufferPointer(start: target, count: part.count)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: part))
            if let last = pieces.indices.last, last >= first, pieces[last].owner === chunk,
                pieces[last].base + pieces[last].count == target
            {
                pieces[last].count += part.count
            } else {
                pieces.append(Piece(owner: chunk, base: target, count: part.count))
            }
            chunk.filled += part.count
            count += part.count
            rest = rest.dropFirst(part.count)
        }
    }

    /// Appends part of a buffer without copying it; it must not change until it is sent.
    mutating func append(_ buffer: Buffer, _ range: Range<Int>) {
        guard !range.isEmpty, let base = buffer.memory.baseAddress else { return }
        pieces.append(Piece(owner: buffer, base: base + range.lowerBound, count: range.count))
        count += range.count
    }

    /// Sends as much as the socket takes; returns 0 or a negated errno.
    mutating func flush(to raw: Int32) -> Int {
        while count > 0 {
            let sent = withUnsafeTemporaryAllocation(
                of: iovec.self, capacity: Self.piecesAtOnce
            ) { parts in
                guard let base = parts.baseAddress else { return 0 }
                var used = 0
                for piece in pieces[first...].prefix(Self.piecesAtOnce) {
                    (base + used).initialize(
                        to: iovec(iov_base: piece.base, iov_len: piece.count))
                    used += 1
                }
                return RawIO.send(raw, base, count: used)
            }
            if sent == -Int(EAGAIN) || sent == -Int(EINTR) { return 0 }
            if sent < 0 { return sent }
            drop(sent)
        }
        return 0
    }

    private mutating func drop(_ sent: Int) {
        var left = sent
        count -= sent
        while left > 0 {
            let taken = min(left, pieces[first].count)
            pieces[first].base += taken
            pieces[first].count -= taken
            left -= taken
            if pieces[first].count == 0 { first += 1 }
        }
        if first == pieces.count {
            pieces.removeAll(keepingCapacity: true)
            first = 0
            chunk.filled = 0
        } else if first > 256 {
            pieces.removeFirst(first)
            first = 0
        }
    }
}
