import CFUSE
import Glibc

/// What the bridge agrees with the host's kernel when the folder is mounted (FUSE_INIT).
enum FuseNegotiation {
    /// Requests that the kernel may have waiting without a caller: read-ahead, write-back.
    private static let background: UInt16 = 64

    private static var wanted: UInt64 {
        var flags: UInt64 = 0
        let bits: [Int32] = [
            FUSE_ASYNC_READ, FUSE_ATOMIC_O_TRUNC, FUSE_EXPORT_SUPPORT, FUSE_BIG_WRITES,
            FUSE_ASYNC_DIO, FUSE_DO_READDIRPLUS, FUSE_READDIRPLUS_AUTO, FUSE_PARALLEL_DIROPS,
            FUSE_MAX_PAGES, FUSE_CACHE_SYMLINKS, FUSE_EXPLICIT_INVAL_DATA,
            FUSE_HANDLE_KILLPRIV_V2, FUSE_INIT_EXT,
        ]
        for bit in bits { flags |= UInt64(UInt32(bitPattern: bit)) }
        return flags
    }

    /// The answer to FUSE_INIT; nil where the kernel speaks a protocol that is too old.
    ///
    /// Not asked for, on purpose: the write-back cache (a write's error must reach the write),
    /// POSIX ACLs, and file locks (the kernel keeps those itself).
    /// - Parameter transfer: longest read or write in bytes, a multiple of the page size.
    static func answer(to offer: fuse_init_in, transfer: Int) -> fuse_init_out? {
        guard offer.major == FUSE_KERNEL_VERSION, offer.minor >= 31 else { return nil }
        var offered = UInt64(offer.flags)
        if offered & UInt64(FUSE_INIT_EXT) != 0 { offered |= UInt64(offer.flags2) << 32 }
        let flags = offered & wanted
        var answer = fuse_init_out()
        answer.major = UInt32(FUSE_KERNEL_VERSION)
        answer.minor = min(offer.minor, UInt32(FUSE_KERNEL_MINOR_VERSION))
        answer.max_readahead = offer.max_readahead
        answer.flags = UInt32(truncatingIfNeeded: flags)
        answer.flags2 = UInt32(truncatingIfNeeded: flags >> 32)
        answer.max_background = background
        answer.congestion_threshold = background * 3 / 4
        answer.max_write = UInt32(transfer)
        answer.time_gran = 1
        answer.max_pages = UInt16(min(256, max(1, transfer / 4096)))
        return answer
    }
}
