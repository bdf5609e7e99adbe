/// What IDENTIFY DEVICE tells of a disk (ATA8-ACS, 7.16).
public struct ATAIdentity: Equatable, Sendable {
    /// Bytes of the answer.
    public static let size = 512

    /// Number of sectors of 512 bytes; what does not fit 48 bits is not told.
    public var sectors: UInt64
    /// At most 20 characters of ASCII.
    public var serial: String
    /// At most 40 characters of ASCII.
    public var model: String
    /// At most 8 characters of ASCII.
    public var firmware: String
    /// Whether answered writes may be lost until the next flush.
    public var hasWriteCache: Bool
    /// Size of a physical sector in bytes: a power of two, at least 512.
    public var physicalSectorSize: UInt32

    /// Collects what is told.
    public init(
        sectors: UInt64, serial: String, model: String, firmware: String, hasWriteCache: Bool,
        physicalSectorSize: UInt32 = 512
    ) {
        self.sectors = sectors
        self.serial = serial
        self.model = model
        self.firmware = firmware
        self.hasWriteCache = hasWriteCache
        self.physicalSectorSize = physicalSectorSize
    }

    /// The 512 bytes.
    public var encoded: [UInt8] {
        var words = IdentifyWords()
        addGeometry(&words)
        words.put(serial, at: 10, count: 10)
        words.put(firmware, at: 23, count: 4)
        words.put(model, at: 27, count: 20)
        addFeatures(&words)
        words.put(min(sectors, 0x0fff_ffff), at: 60, count: 2)
        words.put(min(sectors, 0xffff_ffff_ffff), at: 100, count: 4)
        let exponent = max(physicalSectorSize, 512).trailingZeroBitCount - 9
        words[106] = 0x4000 | (exponent > 0 ? 0x2000 | UInt16(exponent & 15) : 0)
        return words.sealed
    }

    /// Cylinders, heads and sectors for programs from before LBA: words 1, 3, 6 and 54 to 58
    /// (ATA/ATAPI-5, 8.12.8; 16,383 cylinders at most).
    private func addGeometry(_ words: inout IdentifyWords) {
        let cylinders = min(sectors / (16 * 63), 16_383)
        words[0] = 0x0040
        words[1] = UInt16(cylinders)
        words[3] = 16
        words[6] = 63
        words[53] = 0x0003
        words[54] = UInt16(cylinders)
        words[55] = 16
        words[56] = 63
        words.put(cylinders * 16 * 63, at: 57, count: 2)
    }

    private func addFeatures(_ words: inout IdentifyWords) {
        words[47] = 0x8000  // no READ MULTIPLE
        words[49] = 0x0300  // LBA and DMA
        words[50] = 0x4000
        words[63] = 0x0007  // multiword DMA, which no link like this one times
        words[64] = 0x0003
        for word in 65...68 { words[word] = 120 }
        words[80] = 0x01f0  // ATA/ATAPI-4 to ATA8-ACS
        let cache: UInt16 = hasWriteCache ? 0x0020 : 0
        words[82] = 0x0008 | cache  // power management
        words[83] = 0x7400  // LBA48, FLUSH CACHE, FLUSH CACHE EXT
        words[84] = 0x4040  // WRITE DMA FUA EXT
        words[85] = words[82]
        words[86] = 0x3400
        words[87] = words[84]
        words[93] = 0x400b  // what a reset of device 0 found
    }
}

/// The 256 words of IDENTIFY DEVICE, little-endian.
private struct IdentifyWords {
    private var words = [UInt16](repeating: 0, count: 256)

    subscript(index: Int) -> UInt16 {
        get { words[index] }
        set { words[index] = newValue }
    }

    /// A number of several words, the lowest first.
    mutating func put(_ number: UInt64, at place: Int, count: Int) {
        for index in 0..<count {
            words[place + index] = UInt16(truncatingIfNeeded: number >> (16 * UInt64(index)))
        }
    }

    /// A text, the first of two characters in the high half of a word, spaces after it.
    mutating func put(_ text: String, at place: Int, count: Int) {
        let plain = text.utf8.map { (0x20...0x7e).contains($0) ? $0 : 0x3f }
        let padded = plain.prefix(2 * count) + Array(repeating: 0x20, count: 2 * count)
        let letters = Array(padded.prefix(2 * count))
        for index in 0..<count {
            words[place + index] = UInt16(letters[2 * index]) << 8 | UInt16(letters[2 * index + 1])
        }
    }

    /// The bytes, with the integrity word 255: all of them sum up to 0.
    var sealed: [UInt8] {
        var bytes = words.flatMap {
            [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
        }
        bytes[510] = 0xa5
        bytes[511] = 0 &- bytes[..<511].reduce(0, &+)
        return bytes
    }
}
