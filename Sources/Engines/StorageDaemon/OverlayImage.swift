import Bytes

/// The head of an empty qcow2 image, and the size that an existing one declares.
///
/// Source: QEMU's `docs/interop/qcow2.txt`, version 3. An overlay names no backing file: what lies
/// below it is said anew each time it is opened, so that nothing written into an image can name a
/// file of the host. Pure values.
enum OverlayImage {
    /// 64 KiB.
    static let clusterBits: UInt32 = 16
    static let clusterSize: UInt64 = 1 << 16
    /// The largest disk an overlay is made for: 64 TiB.
    static let sizeLimit: UInt64 = 64 << 40

    private static let magic: UInt32 = 0x5146_49fb  // "QFI\xfb"
    private static let headerLength: UInt32 = 104
    /// One cluster each: header, table of reference counts, reference counts.
    private static let clustersBeforeMap: UInt64 = 3

    /// One piece of a file.
    struct Piece: Equatable {
        var offset: UInt64
        var bytes: [UInt8]
    }

    /// An empty image for a disk of this many bytes: its pieces, and how long the file is.
    ///
    /// What no piece covers is zero.
    static func empty(size: UInt64) -> (pieces: [Piece], fileLength: UInt64) {
        precondition(size > 0 && size <= sizeLimit, "an overlay has a size within bounds")
        // One entry of the first map level covers a cluster full of 8-byte entries.
        let covered = clusterSize * (clusterSize / 8)
        let mapEntries = (size + covered - 1) / covered
        let mapClusters = (mapEntries * 8 + clusterSize - 1) / clusterSize
        var table = ByteWriter()
        table.writeBigEndian(2 * clusterSize)
        var counts = ByteWriter()
        let used = clustersBeforeMap + mapClusters
        for _ in 0..<used { counts.writeBigEndian(1 as UInt16) }
        return (
            [
                Piece(offset: 0, bytes: header(size: size, mapEntries: UInt32(mapEntries))),
                Piece(offset: clusterSize, bytes: table.bytes),
                Piece(offset: 2 * clusterSize, bytes: counts.bytes),
            ], used * clusterSize
        )
    }

    private static func header(size: UInt64, mapEntries: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: 112)
        writer.writeBigEndian(magic)
        writer.writeBigEndian(3 as UInt32)
        // No backing file.
        writer.writeBigEndian(0 as UInt64)
        writer.writeBigEndian(0 as UInt32)
        writer.writeBigEndian(clusterBits)
        writer.writeBigEndian(size)
        // No encryption.
        writer.writeBigEndian(0 as UInt32)
        writer.writeBigEndian(mapEntries)
        writer.writeBigEndian(clustersBeforeMap * clusterSize)
        writer.writeBigEndian(clusterSize)
        writer.writeBigEndian(1 as UInt32)
        // No snapshots.
        writer.writeBigEndian(0 as UInt32)
        writer.writeBigEndian(0 as UInt64)
        // No features: reference counts are always exact, so a killed daemon leaves no repair.
        for _ in 0..<3 { writer.writeBigEndian(0 as UInt64) }
        // Reference counts of 16 bits.
        writer.writeBigEndian(4 as UInt32)
        writer.writeBigEndian(headerLength)
        // The end of the header's extensions.
        writer.writeBigEndian(0 as UInt64)
        return writer.bytes
    }

    /// The size of the disk in an image's head; nil where it is no such image.
    static func declaredSize(_ head: [UInt8]) -> UInt64? {
        var reader = ByteReader(head)
        guard (try? reader.bigEndian(as: UInt32.self)) == magic,
            (try? reader.bigEndian(as: UInt32.self)) == 3,
            (try? reader.skip(16)) != nil
        else { return nil }
        return try? reader.bigEndian(as: UInt64.self)
    }
}
