import CPlatform
import Glibc

/// Bytes at offsets of files and block devices: the data plane of block devices.
///
/// Nothing is thrown and nothing is allocated: every function returns a count or, below zero, a
/// negated errno. Offsets are below 2⁶³. Interrupted calls are repeated. Any thread.
public enum BlockIO {
    /// Reads until the buffer is full or the file ends; blocks.
    @inline(__always)
    public static func read(
        _ raw: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        cp_block_read(raw, buffer.baseAddress, buffer.count, offset)
    }

    /// Reads what is in memory, maybe less than asked for; -EAGAIN where it would wait.
    ///
    /// Source: preadv2(2), RWF_NOWAIT.
    @inline(__always)
    public static func readNow(
        _ raw: Int32, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        cp_block_read_now(raw, buffer.baseAddress, buffer.count, offset)
    }

    /// Writes what needs no waiting, maybe less than asked for; -EAGAIN where all of it would,
    /// -EOPNOTSUPP where the file system does not know.
    ///
    /// Source: pwritev2(2), RWF_NOWAIT.
    @inline(__always)
    public static func writeNow(
        _ raw: Int32, at offset: UInt64, from buffer: UnsafeRawBufferPointer
    ) -> Int {
        cp_block_write_now(raw, buffer.baseAddress, buffer.count, offset)
    }

    /// Writes everything; when `durable`, it is on the disk afterwards (RWF_DSYNC).
    ///
    /// Blocks.
    @inline(__always)
    public static func write(
        _ raw: Int32, at offset: UInt64, from buffer: UnsafeRawBufferPointer, durable: Bool
    ) -> Int {
        cp_block_write(raw, buffer.baseAddress, buffer.count, offset, durable ? 1 : 0)
    }

    /// fdatasync(2); blocks.
    public static func sync(_ raw: Int32) -> Int { Int(cp_block_sync(raw)) }

    /// Makes a hole that reads as zeros (FALLOC_FL_PUNCH_HOLE), the size kept; blocks.
    public static func punch(_ raw: Int32, at offset: UInt64, count: UInt64) -> Int {
        Int(cp_block_punch(raw, offset, count))
    }

    /// Makes zeros that keep their space (FALLOC_FL_ZERO_RANGE), the size kept; blocks.
    public static func zeroRange(_ raw: Int32, at offset: UInt64, count: UInt64) -> Int {
        Int(cp_block_zero_range(raw, offset, count))
    }

    /// Tells a block device that sectors are not needed (BLKDISCARD); blocks.
    public static func discard(_ raw: Int32, at offset: UInt64, count: UInt64) -> Int {
        Int(cp_block_discard(raw, offset, count))
    }

    /// Makes sectors of a block device zero (BLKZEROOUT), by writing where need be; blocks.
    public static func zeroOut(_ raw: Int32, at offset: UInt64, count: UInt64) -> Int {
        Int(cp_block_zero_out(raw, offset, count))
    }

    /// Where data begins at or after an offset; -ENXIO where there is none before the end.
    ///
    /// Moves the position of the open file.
    public static func nextData(_ raw: Int32, from offset: UInt64) -> Int {
        Int(cp_block_seek(raw, offset, 0))
    }

    /// Where a hole begins at or after an offset, the file's end at the latest.
    ///
    /// Moves the position of the open file.
    public static func nextHole(_ raw: Int32, from offset: UInt64) -> Int {
        Int(cp_block_seek(raw, offset, 1))
    }

    /// Whether a file has no other place than memory (tmpfs), so that reads never wait.
    public static func isInMemory(_ raw: Int32) -> Bool { cp_block_in_memory(raw) != 0 }

    /// How an errno of a block call is to be taken.
    public enum Meaning: Equatable, Sendable {
        /// It would have waited.
        case wouldWait
        /// The file system or device cannot do this.
        case unsupported
        /// No space, or a quota or size limit.
        case noSpace
        /// A place could not be read or written.
        case medium
        /// The device or its server is gone.
        case gone
    }

    /// Sorts a negated errno.
    public static func meaning(of result: Int) -> Meaning {
        switch Int32(truncatingIfNeeded: -result) {
        case EAGAIN: .wouldWait
        case EOPNOTSUPP, ENOSYS, ENOTTY: .unsupported
        case ENOSPC, EDQUOT, EFBIG: .noSpace
        case ENODEV, ENXIO, EBADF, ENOMEDIUM, ESTALE, ENOTCONN, ESHUTDOWN, EROFS, EPERM: .gone
        default: .medium
        }
    }

    /// The error that a negated errno stands for.
    public static func error(_ result: Int, _ call: String) -> SystemError {
        SystemError(errno: Int32(truncatingIfNeeded: -result), call: call)
    }

    /// The error of a file that ends before it should.
    public static func cutShort(_ call: String) -> SystemError {
        SystemError(errno: EIO, call: "\(call): the file ends too early")
    }
}

extension BlockIO {
    /// What is neither a regular file nor a block device cannot be a disk.
    public static let notADisk = SystemError(
        errno: EINVAL, call: "use as a disk what is neither a file nor a block device")
}

extension BlockIO {
    /// The error of what took too long.
    public static func timedOut(_ call: String) -> SystemError {
        SystemError(errno: ETIMEDOUT, call: call)
    }
}
