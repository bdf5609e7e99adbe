import CBlkid
import Platform

/// Reads partition tables with libblkid.
enum PartitionProbe {
    /// Limits on what a table may claim.
    enum Limits {
        /// Partitions that are looked at.
        static let partitions = 256
        /// Bytes of a GPT's array of entries: 16 KiB is usual, libblkid would read 4 GiB.
        static let gptEntryBytes: UInt64 = 1 << 20
    }

    /// The table of a window; nil where there is none.
    ///
    /// A GPT written for 4,096-byte sectors is found on a source with 512-byte sectors too, and
    /// a GPT of a source that was cut is read as far as it goes.
    static func table(_ window: Window, sectorSize: UInt32) -> PartitionTable? {
        let sizes = [sectorSize] + [512, 4096].filter { $0 != sectorSize }
        var damage: (size: UInt32, problem: String)?
        for size in sizes {
            guard let gpt = GPTHeader(window, sectorSize: size) else { continue }
            guard gpt.entryBytes <= Limits.gptEntryBytes else {
                var table = read(window, within: window, sectorSize: size, without: "gpt")
                table?.problems.append(gpt.oversized)
                return table ?? empty("gpt", size, gpt.oversized)
            }
            let whole = gpt.diskBytes > window.length ? window.padded(to: gpt.diskBytes) : window
            if let whole, var table = read(whole, within: window, sectorSize: size),
                table.type == "gpt"
            {
                if gpt.diskBytes > window.length { table.problems.append(gpt.cut(window.length)) }
                return table
            }
            damage = (size, "its GPT is damaged: a checksum or a range is wrong")
        }
        if let table = read(window.probeable, within: window, sectorSize: sectorSize) {
            return table
        }
        if let damage { return empty("gpt", damage.size, damage.problem) }
        return hasProtectiveMBR(window)
            ? empty("gpt", sectorSize, "it announces a GPT, and none was found") : nil
    }

    private static func empty(
        _ type: String, _ sectorSize: UInt32, _ problem: String
    ) -> PartitionTable {
        PartitionTable(
            type: type, identifier: nil, sectorSize: sectorSize, partitions: [],
            problems: [problem])
    }

    /// Whether the MBR has an entry of type 0xEE, which says that a GPT follows.
    private static func hasProtectiveMBR(_ window: Window) -> Bool {
        guard let sector = window.read(0, 512), sector.le16(510) == 0xaa55 else { return false }
        return (0..<4).contains { sector[446 + 16 * $0 + 4] == 0xee }
    }

    /// Reads the table of `source`; its partitions are judged by what lies `within` a window.
    private static func read(
        _ source: Window, within window: Window, sectorSize: UInt32,
        without excluded: String? = nil
    ) -> PartitionTable? {
        guard let probe = BlkidProbe(source, sectorSize: sectorSize) else { return nil }
        blkid_probe_enable_superblocks(probe.raw, 0)
        blkid_probe_enable_partitions(probe.raw, 1)
        blkid_probe_set_partitions_flags(probe.raw, BLKID_PARTS_ENTRY_DETAILS)
        if let excluded { exclude(excluded, from: probe) }
        guard let list = blkid_probe_get_partitions(probe.raw),
            let raw = blkid_partlist_get_table(list), let type = text(blkid_parttable_get_type(raw))
        else { return nil }
        var table = PartitionTable(
            type: type, identifier: text(blkid_parttable_get_id(raw)), sectorSize: sectorSize,
            partitions: [], problems: [])
        let count = Int(blkid_partlist_numof_partitions(list))
        if count > Limits.partitions {
            table.problems.append(
                "it has \(count) partitions; only the first \(Limits.partitions) are shown")
        }
        for index in 0..<min(max(0, count), Limits.partitions) {
            guard let entry = blkid_partlist_get_partition(list, Int32(index)) else { continue }
            table.partitions.append(partition(entry, window, table: raw))
        }
        return table
    }

    private static func partition(
        _ raw: blkid_partition, _ window: Window, table: blkid_parttable
    ) -> Partition {
        // libblkid counts in sectors of 512 bytes, whatever the table counts in.
        let start = bytes(blkid_partition_get_start(raw))
        let length = bytes(blkid_partition_get_size(raw))
        let type =
            text(blkid_partition_get_type_string(raw))
            ?? "0x" + hexadecimal(UInt64(UInt32(bitPattern: blkid_partition_get_type(raw))))
        var role = Partition.Role.primary
        if blkid_partition_is_extended(raw) != 0 {
            role = .extended
        } else if blkid_partition_get_table(raw) != table {
            role = .nested
        } else if blkid_partition_is_logical(raw) != 0 {
            role = .logical
        }
        var partition = Partition(
            number: Int(blkid_partition_get_partno(raw)), offset: window.offset &+ start,
            length: length, type: type, name: text(blkid_partition_get_name(raw)),
            uuid: text(blkid_partition_get_uuid(raw)),
            flags: UInt64(blkid_partition_get_flags(raw)), role: role)
        if start >= window.length {
            partition.problem = "it begins past the end of the source"
        } else if length > window.length - start {
            partition.problem = "it ends past the end of the source"
        }
        return partition
    }

    private static func bytes(_ sectors: blkid_loff_t) -> UInt64 {
        let (bytes, overflow) = UInt64(max(0, sectors)).multipliedReportingOverflow(by: 512)
        return overflow ? UInt64(Int64.max) : min(bytes, UInt64(Int64.max))
    }

    private static func text(_ raw: UnsafePointer<CChar>?) -> String? {
        guard let raw else { return nil }
        let text = String(cString: raw)
        return text.isEmpty ? nil : text
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return digits.count < 2 ? "0" + digits : digits
    }

    private static func exclude(_ type: String, from probe: BlkidProbe) {
        type.withCString { name in
            var names: [UnsafeMutablePointer<CChar>?] = [UnsafeMutablePointer(mutating: name), nil]
            _ = blkid_probe_filter_partitions_type(probe.raw, BLKID_FLTR_NOTIN, &names)
        }
    }
}

/// What a GPT header claims, first or backup (UEFI specification 2.10, table 5.5).
struct GPTHeader {
    /// Size of the array of entries, in bytes.
    var entryBytes: UInt64
    /// Size of the disk, in bytes: up to the header that is the last sector.
    var diskBytes: UInt64
    private var entries: UInt64

    /// Nil where neither the second nor the last sector is a GPT header.
    init?(_ window: Window, sectorSize: UInt32) {
        let sector = UInt64(sectorSize)
        guard window.length >= 3 * sector else { return nil }
        let last = (window.length / sector - 1) * sector
        for place in [sector, last] {
            guard let header = window.read(place, 92), header.starts(with: Array("EFI PART".utf8))
            else { continue }
            entries = UInt64(header.le32(80))
            entryBytes = entries * UInt64(header.le32(84))
            // This header's sector and the other's; the higher one is the disk's last.
            let end = max(header.le64(24), header.le64(32))
            let (bytes, overflow) = end.addingReportingOverflow(1).partialValue
                .multipliedReportingOverflow(by: sector)
            diskBytes = overflow || bytes > 1 << 62 ? 0 : bytes
            return
        }
        return nil
    }

    /// Words for a table that is too large to be meant.
    var oversized: String {
        "its GPT claims \(entries) entries in \(entryBytes) bytes and is not read"
    }

    /// Words for a source that ends before its GPT does.
    func cut(_ length: UInt64) -> String {
        "it was made for a disk of \(diskBytes) bytes, and the source ends after \(length)"
    }
}
