import Bytes
import Platform

/// The header of a Hyper-V disk (VHDX), as far as it tells whether its log is still to be replayed.
///
/// Source: Microsoft, [MS-VHDX], section 2.2.2. Two copies lie in the file; the valid one with the
/// higher sequence number counts. Pure values.
struct VHDXHeader: Equatable {
    /// Bytes of a header that its checksum covers.
    static let size = 4096
    /// Where the two copies lie in the file, in bytes.
    static let places: [UInt64] = [64 << 10, 128 << 10]

    /// Grows with each change of the header.
    let sequenceNumber: UInt64
    /// Whether a log is named: its entries must be replayed before anything is read.
    let hasLog: Bool

    /// Reads one copy; nil where it is not exactly one, or its checksum is wrong.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, bytes.starts(with: Array("head".utf8)) else { return nil }
        var reader = ByteReader(bytes[4...])
        var zeroed = bytes
        zeroed.replaceSubrange(4..<8, with: [0, 0, 0, 0])
        guard let checksum = try? reader.integer(as: UInt32.self),
            checksum == zeroed.withUnsafeBytes({ Checksum.crc32c($0) }),
            let number = try? reader.integer(as: UInt64.self)
        else { return nil }
        sequenceNumber = number
        hasLog = bytes[48..<64].contains { $0 != 0 }
    }

    /// The one of both copies that counts; nil where neither is valid.
    static func current(of copies: [[UInt8]]) -> VHDXHeader? {
        copies.compactMap { VHDXHeader($0) }.max { $0.sequenceNumber < $1.sequenceNumber }
    }
}
