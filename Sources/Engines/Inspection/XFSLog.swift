import Catalogue

/// Whether an XFS log ends with an unmount record: then nothing is to be replayed.
///
/// Every 512-byte block of the log begins with its cycle number (a record header with its magic,
/// and then the cycle), and the log is written in a circle: the head is where the cycle number
/// steps down. See fs/xfs/libxfs/xfs_log_format.h.
enum XFSLog {
    private static let magic: UInt32 = 0xfeed_babe
    /// The longest record: 256 KiB and its headers, in 512-byte blocks.
    private static let recordLimit: UInt64 = 528

    static func state(_ read: @escaping VolumeBytes) -> StateReaders.Finding {
        guard let superblock = read(0, 128) else {
            return StateReaders.unknown("its superblock")
        }
        let start = superblock.be64(48)
        let (blockShift, groupShift) = (UInt64(superblock[120]), UInt64(superblock[124]))
        guard start != 0 else { return .init(.unknown, "its log is on another device") }
        guard (9...16).contains(blockShift), groupShift < 32 else {
            return StateReaders.unknown("its geometry")
        }
        // The high bits of a block number are the allocation group.
        let group = start >> groupShift
        let blocksPerGroup = UInt64(superblock.be32(84))
        let (groupStart, overflow) = group.multipliedReportingOverflow(by: blocksPerGroup)
        let block = groupStart &+ (start & (1 << groupShift - 1))
        guard !overflow, block < 1 << (62 - blockShift) else {
            return StateReaders.unknown("its geometry")
        }
        let log = Log(
            read: read, offset: block << blockShift,
            count: UInt64(superblock.be32(96)) << blockShift / 512)
        guard let isClean = log.endsWithUnmount() else { return StateReaders.unknown("its log") }
        return isClean
            ? .clean : .init(.dirty, "the log holds changes that are not yet in place")
    }

    private struct Log {
        let read: VolumeBytes
        /// Of the log, in bytes.
        let offset: UInt64
        /// Blocks of 512 bytes.
        let count: UInt64

        func words(_ block: UInt64) -> [UInt8]? { read(offset + block * 512, 48) }

        func cycle(_ block: UInt64) -> UInt32? {
            guard let words = words(block) else { return nil }
            return words.be32(0) == magic ? words.be32(4) : words.be32(0)
        }

        /// The first block that belongs to the cycle before that of block 0; `count` where none.
        func head() -> UInt64? {
            guard count >= 16, let first = cycle(0) else { return nil }
            var (low, high): (UInt64, UInt64) = (0, count)
            // Block `low` has the first cycle, block `high` has not; at most 64 steps.
            while high - low > 1 {
                let middle = low + (high - low) / 2
                guard let cycle = cycle(middle) else { return nil }
                if cycle == first { low = middle } else { high = middle }
            }
            return high
        }

        func endsWithUnmount() -> Bool? {
            guard let head = head() else { return nil }
            for back in 1...recordLimit {
                let block = (head + count - back % count) % count
                guard let header = words(block) else { return nil }
                guard header.be32(0) == magic else { continue }
                return isUnmount(at: block, header, head: head % count)
            }
            return nil
        }

        func isUnmount(at block: UInt64, _ header: [UInt8], head: UInt64) -> Bool? {
            let length = UInt64(header.be32(12))
            guard header.be32(40) == 1, length <= recordLimit * 512 else { return false }
            // Records of up to 32 KiB have one header block; h_size lies at byte 320.
            guard let size = read(offset + block * 512 + 320, 4)?.be32(0) else { return nil }
            let headers =
                header.be32(8) & 2 != 0 && size > 32768 ? (UInt64(size) + 32767) / 32768 : 1
            let data = (block + headers) % count
            guard (data + (length + 511) / 512) % count == head else { return false }
            // Flags of the only operation; 0x20 is XLOG_UNMOUNT_TRANS.
            guard let operation = words(data) else { return nil }
            return operation[9] & 0x20 != 0
        }
    }
}
