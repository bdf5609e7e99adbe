/// The footer of a Virtual PC disk (VHD), as far as it must be known before QEMU opens one.
///
/// QEMU takes a differencing disk for a dynamic one and reads zeros where its parent has data.
/// Source: Microsoft, Virtual Hard Disk Image Format Specification, 2006, Hard Disk Footer Format.
enum VHDFooter {
    /// Bytes of a footer: the file's last, and where the disk is not fixed a copy at its start.
    static let size = 512

    /// Whether a sector is a footer that says that the disk is only the difference to another one.
    static func isDifference(_ sector: [UInt8]) -> Bool {
        // Disk type 4, big-endian.
        sector.count == size && sector.starts(with: Array("conectix".utf8))
            && sector[60..<64].elementsEqual([0, 0, 0, 4])
    }
}
