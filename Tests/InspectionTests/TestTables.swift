@testable import Inspection

/// One entry of an MBR or EBR: type, first sector, sectors.
struct MBREntry {
    var type: UInt8
    var start: UInt32
    var count: UInt32

    var bytes: [UInt8] {
        [0, 0xfe, 0xff, 0xff, type, 0xfe, 0xff, 0xff] + little(start) + little(count)
    }
}

/// One entry of a GPT, in sectors.
struct GPTEntry {
    var type = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    var first: UInt64
    var last: UInt64
    var name = ""

    var bytes: [UInt8] {
        var bytes = guid(type) + guid("11111111-2222-3333-4444-555555555555")
        bytes += little(first) + little(last) + little(UInt64(0))
        let units = Array(name.utf16.prefix(36))
        for unit in units + [UInt16](repeating: 0, count: 36 - units.count) {
            bytes += little(unit)
        }
        return bytes
    }

    /// A GUID as the disk holds it: three little-endian fields and eight bytes.
    private func guid(_ text: String) -> [UInt8] {
        let fields = text.split(separator: "-").map { field in
            stride(from: 0, to: field.count, by: 2).compactMap { index in
                let start = field.index(field.startIndex, offsetBy: index)
                return UInt8(field[start..<field.index(start, offsetBy: 2)], radix: 16)
            }
        }
        return fields[0].reversed() + fields[1].reversed() + fields[2].reversed() + fields[3]
            + fields[4]
    }
}

extension TestDisk {
    /// Writes an MBR or EBR at a sector.
    func writeMBR(_ entries: [MBREntry], at sector: UInt64 = 0) {
        var table = [UInt8](repeating: 0, count: 66)
        for (index, entry) in entries.enumerated() {
            table.replaceSubrange(index * 16..<index * 16 + 16, with: entry.bytes)
        }
        table.replaceSubrange(64..<66, with: [0x55, 0xaa])
        write(table, at: sector * 512 + 446)
    }

    /// Writes a protective MBR and a primary GPT for a disk of this many sectors.
    func writeGPT(
        _ entries: [GPTEntry], sectors: UInt64, sectorSize: UInt64 = 512,
        claimedEntries: UInt32 = 128
    ) {
        writeMBR([MBREntry(type: 0xee, start: 1, count: UInt32(clamping: sectors - 1))])
        var array = entries.flatMap(\.bytes)
        array += [UInt8](repeating: 0, count: 128 * 128 - array.count)
        write(array, at: 2 * sectorSize)
        var header = Array("EFI PART".utf8) + little(UInt32(0x10000)) + little(UInt32(92))
        header += little(UInt32(0)) + little(UInt32(0))  // checksum, reserved
        header += little(UInt64(1)) + little(sectors - 1)
        header += little(2 + 16384 / sectorSize) + little(sectors - 34)
        header += [UInt8](repeating: 0xab, count: 16)
        header += little(UInt64(2)) + little(claimedEntries) + little(UInt32(128))
        header += little(crc32(array))
        header.replaceSubrange(16..<20, with: little(crc32(header)))
        write(header, at: sectorSize)
    }

    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc = ~UInt32(0)
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xedb8_8320 }
        }
        return ~crc
    }

    /// Writes the superblock of a squashfs of `used` bytes: enough to be known.
    func writeSquashfs(at offset: UInt64, used: UInt64 = 4096, export: UInt64 = 96) {
        var block = Array("hsqs".utf8) + little(UInt32(1)) + little(UInt32(0))
        block += little(UInt32(131_072)) + little(UInt32(0)) + little(UInt16(1))
        block += little(UInt16(17)) + little(UInt16(0)) + little(UInt16(1)) + little(UInt16(4))
        block += little(UInt16(0)) + little(UInt64(0)) + little(used)
        block += [UInt8](repeating: 0, count: 40) + little(export)
        write(block, at: offset)
    }
}
