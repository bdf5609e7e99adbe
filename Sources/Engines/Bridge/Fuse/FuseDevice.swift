import CFUSE
import Glibc
import Platform

/// The host kernel's end of the mounted folder: requests in, answers out.
///
/// One thread; the descriptor does not block. The protocol is the kernel's own
/// (include/uapi/linux/fuse.h), spoken without a library between: file data goes from the
/// request's buffer to the guest, and from the guest's message to the kernel, without a copy.
final class FuseDevice {
    private let descriptor: OwnedFD
    private let pool: BufferPool
    private var buffer: Buffer
    /// Whether the folder is still mounted.
    private(set) var isMounted = true

    init(_ descriptor: OwnedFD, pool: BufferPool) throws(SystemError) {
        self.descriptor = descriptor
        self.pool = pool
        buffer = pool.take()
        try descriptor.setNonblocking(true)
    }

    /// The descriptor, for poll; -1 once the folder is unmounted.
    var raw: Int32 { isMounted ? descriptor.raw : -1 }

    /// The next request; nil where there is none, or the folder is no longer mounted.
    func next() -> FuseMessage? {
        // ENOENT: the request was withdrawn while it was read.
        for _ in 0..<64 {
            let got = RawIO.read(descriptor.raw, into: buffer.memory)
            if got == -Int(ENOENT) || got == -Int(EINTR) { continue }
            if got == -Int(EAGAIN) { return nil }
            guard got >= MemoryLayout<fuse_in_header>.size else {
                isMounted = false
                return nil
            }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer.memory[..<got])
            return FuseMessage(
                header: bytes.loadUnaligned(as: fuse_in_header.self),
                body: UnsafeRawBufferPointer(
                    rebasing: bytes[MemoryLayout<fuse_in_header>.size...]))
        }
        return nil
    }

    /// Keeps the memory of the request that was read last; later ones are read elsewhere.
    func keepBuffer() -> Buffer {
        let kept = buffer
        buffer = pool.take()
        return kept
    }

    /// Answers with an errno, 0 for success.
    @discardableResult
    func reply(_ unique: UInt64, errno: Int32) -> Bool {
        send(unique, error: -errno, UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Answers with one structure.
    ///
    /// Returns false where the kernel no longer waits for the answer.
    @discardableResult
    func reply<Value: BitwiseCopyable>(_ unique: UInt64, _ value: Value) -> Bool {
        withUnsafeBytes(of: value) { send(unique, error: 0, $0) }
    }

    /// Answers with bytes.
    @discardableResult
    func reply(_ unique: UInt64, bytes: UnsafeRawBufferPointer) -> Bool {
        send(unique, error: 0, bytes)
    }

    /// Answers with bytes that lie in several places.
    @discardableResult
    func reply(_ unique: UInt64, pieces: [UnsafeRawBufferPointer]) -> Bool {
        guard pieces.count <= 2 else {
            return Array(pieces.joined()).withUnsafeBytes { send(unique, error: 0, $0) }
        }
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        return send(unique, error: 0, pieces.first ?? nothing, pieces.dropFirst().first ?? nothing)
    }

    /// Answers with two structures, one behind the other.
    @discardableResult
    func reply<First: BitwiseCopyable, Second: BitwiseCopyable>(
        _ unique: UInt64, _ first: First, _ second: Second
    ) -> Bool {
        withUnsafeBytes(of: first) { first in
            withUnsafeBytes(of: second) { second in send(unique, error: 0, first, second) }
        }
    }

    /// Tells the kernel that a node's attributes are no longer what it knows.
    func forgetAttributes(of node: UInt64) {
        let notice = fuse_notify_inval_inode_out(ino: node, off: -1, len: 0)
        withUnsafeBytes(of: notice) {
            _ = send(0, error: Int32(FUSE_NOTIFY_INVAL_INODE.rawValue), $0)
        }
    }

    private func send(
        _ unique: UInt64, error: Int32, _ first: UnsafeRawBufferPointer,
        _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) -> Bool {
        let size = MemoryLayout<fuse_out_header>.size
        let length = size + first.count + second.count
        var header = fuse_out_header(len: UInt32(length), error: error, unique: unique)
        return withUnsafeMutablePointer(to: &header) { header in
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: 3) { parts in
                guard let base = parts.baseAddress else { return false }
                parts.initializeElement(at: 0, to: iovec(iov_base: header, iov_len: size))
                parts.initializeElement(at: 1, to: part(first))
                parts.initializeElement(at: 2, to: part(second))
                let count = second.count > 0 ? 3 : first.count > 0 ? 2 : 1
                return RawIO.write(descriptor.raw, base, count: count) == length
            }
        }
    }

    private func part(_ bytes: UnsafeRawBufferPointer) -> iovec {
        iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }
}
