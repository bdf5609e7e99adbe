import Catalogue

/// Reads the state of file systems whose superblock alone does not show it.
///
/// Offsets come from the structures of Linux 6.1; every loop over foreign data is bounded.
enum StateReaders {
    /// What a reader sees.
    struct Finding: Equatable {
        var state: VolumeState
        var reason: String?
        /// Why the guest's driver would not write it.
        var refusesWriting: String?

        init(_ state: VolumeState, _ reason: String?, refusesWriting: String? = nil) {
            self.state = state
            self.reason = reason
            self.refusesWriting = refusesWriting
        }

        static let clean = Finding(.clean, nil)
    }

    /// The state that this reader sees.
    static func state(_ reader: StateReader, _ read: @escaping VolumeBytes) -> Finding {
        switch reader {
        case .f2fs: f2fs(read)
        case .nilfs2: nilfs2(read)
        case .ntfs: ntfs(read)
        case .udf: UDFVolume.state(read)
        case .xfs: XFSLog.state(read)
        }
    }

    static func unknown(_ what: String) -> Finding { Finding(.unknown, "\(what) cannot be read") }

    /// The newer of the two checkpoint packs tells (include/linux/f2fs_fs.h).
    private static func f2fs(_ read: VolumeBytes) -> Finding {
        guard let superblock = read(1024, 128) else { return unknown("its superblock") }
        let blockShift = superblock.le32(16)
        let segmentShift = superblock.le32(20)
        guard blockShift == 12, segmentShift < 16 else { return unknown("its geometry") }
        let first = UInt64(superblock.le32(76))
        var newest: (version: UInt64, flags: UInt32)?
        for pack in [first, first + 1 << segmentShift] {
            guard let head = read(pack << 12, 144) else { continue }
            let blocks = UInt64(head.le32(136))
            guard blocks > 1, blocks < 1 << 16, let tail = read((pack + blocks - 1) << 12, 8),
                tail.le64(0) == head.le64(0), head.le64(0) >= newest?.version ?? 0
            else { continue }
            newest = (head.le64(0), head.le32(132))
        }
        guard let flags = newest?.flags else { return unknown("its checkpoints") }
        if flags & 0x18 != 0 {
            return Finding(.damaged, "errors were noted; fsck.f2fs should see it")
        }
        return flags & 1 != 0
            ? .clean : Finding(.dirty, "it was not unmounted and must be rolled forward")
    }

    /// The superblock with the later checkpoint tells; the second one lies near the end
    /// (include/uapi/linux/nilfs2_ondisk.h).
    private static func nilfs2(_ read: VolumeBytes) -> Finding {
        guard var newest = read(1024, 128) else { return unknown("its superblock") }
        let blocks = newest.le64(32) >> 12
        if blocks > 1, let second = read((blocks - 1) << 12, 128), second.le16(6) == 0x3434,
            second.le64(56) > newest.le64(56)
        {
            newest = second
        }
        let state = newest.le16(116)
        if state & 2 != 0 { return Finding(.damaged, "the kernel noted errors") }
        return state & 1 != 0
            ? .clean : Finding(.dirty, "it was not unmounted and must be rolled forward")
    }

    /// The flags in $Volume, the fourth record of the master file table (fs/ntfs3/ntfs.h).
    private static func ntfs(_ read: VolumeBytes) -> Finding {
        guard let boot = read(0, 512) else { return unknown("its boot sector") }
        let sector = UInt64(boot.le16(11))
        let perCluster = boot[13] > 0x80 ? 1 << (256 - UInt64(boot[13])) : UInt64(boot[13])
        let code = Int8(bitPattern: boot[64])
        guard (256...4096).contains(sector), (1...(1 << 20)).contains(perCluster), code > -32 else {
            return unknown("its geometry")
        }
        let cluster = sector * perCluster
        let size = code > 0 ? UInt64(code) * cluster : 1 << UInt64(-Int(code))
        let (start, overflow) = boot.le64(48).multipliedReportingOverflow(by: cluster)
        guard (512...65536).contains(size), !overflow, start < 1 << 62,
            let record = read(start + 3 * size, Int(size)), record.le32(0) == 0x454c_4946  // "FILE"
        else { return unknown("its $Volume record") }
        var place = Int(record.le16(20))
        // A record has room for fewer than 64 attributes.
        for _ in 0..<64 {
            guard place + 24 <= record.count, record.le32(place) != .max else { break }
            let length = Int(record.le32(place + 4))
            let value = place + Int(record.le16(place + 20))
            if record.le32(place) == 0x70, value + 12 <= record.count {
                return record.le16(value + 10) & 1 == 0
                    ? .clean : Finding(.dirty, "its dirty flag is set; chkdsk should see it")
            }
            guard length >= 24 else { break }
            place += length
        }
        return unknown("its $Volume record")
    }
}

extension [UInt8] {
    /// The little-endian number at `offset`; 0 where it lies outside.
    func le16(_ offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: little(offset, 2)) }
    /// The little-endian number at `offset`; 0 where it lies outside.
    func le32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: little(offset, 4)) }
    /// The little-endian number at `offset`; 0 where it lies outside.
    func le64(_ offset: Int) -> UInt64 { little(offset, 8) }
    /// The big-endian number at `offset`; 0 where it lies outside.
    func be32(_ offset: Int) -> UInt32 { UInt32(truncatingIfNeeded: little(offset, 4)).byteSwapped }
    /// The big-endian number at `offset`; 0 where it lies outside.
    func be64(_ offset: Int) -> UInt64 { little(offset, 8).byteSwapped }

    private func little(_ offset: Int, _ width: Int) -> UInt64 {
        guard offset >= 0, offset + width <= count else { return 0 }
        return self[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
