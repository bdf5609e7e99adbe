import BlockDevice
import Bytes

/// Where an overlay keeps things in its store.
///
/// `docs/formats/overlay.md` is the specification: a header of one sector, a bitmap, and the disk's
/// clusters at their own places, so that a sparse file is as large as what was written. Values.
struct OverlayLayout: Equatable {
    /// The length of the header that is read and written, in bytes.
    static let headerLength = 512
    /// The largest disk, in bytes: 64 TiB.
    static let sizeLimit: UInt64 = 64 << 40
    /// The most clusters: their bitmap takes 32 MiB of memory.
    static let clusterLimit: UInt64 = 1 << 28

    /// The ASCII text `CWOVRLAY`.
    private static let magic: UInt64 = 0x4357_4f56_524c_4159
    private static let version: UInt32 = 1
    private static let alignment: UInt64 = 1 << 20
    private static let bitmapOffset: UInt64 = 4096
    private static let clusterBits: ClosedRange<UInt32> = 12...20

    /// Why a header is not one of ours.
    enum Invalid: Error, Equatable {
        /// It is another thing, or nothing.
        case foreign
        /// A field has a value that it never has.
        case field(String)
    }

    /// The disk's size, in bytes.
    let size: UInt64
    /// The logarithm of a cluster's size.
    let clusterBits: UInt32

    /// The layout for a new overlay; `size` is within bounds.
    init(size: UInt64) {
        precondition(size > 0 && size <= Self.sizeLimit, "an overlay has a size within bounds")
        self.size = size
        var bits = Self.clusterBits.lowerBound
        while (size - 1) >> bits >= Self.clusterLimit { bits += 1 }
        clusterBits = bits
    }

    /// The layout that a header declares.
    init(header: [UInt8]) throws(Invalid) {
        var reader = ByteReader(header)
        do {
            guard header.count == Self.headerLength,
                try reader.bigEndian(as: UInt64.self) == Self.magic
            else { throw Invalid.foreign }
            guard try reader.integer(as: UInt32.self) == Self.version else {
                throw Invalid.field("version")
            }
            clusterBits = try reader.integer(as: UInt32.self)
            size = try reader.integer(as: UInt64.self)
        } catch let invalid as Invalid { throw invalid } catch { throw .foreign }
        guard Self.clusterBits.contains(clusterBits) else { throw .field("cluster size") }
        guard size > 0, size <= Self.sizeLimit, (size - 1) >> clusterBits < Self.clusterLimit else {
            throw .field("disk size")
        }
        // What is derived, and what is reserved, must be as it would be written.
        guard header == self.header else { throw .field("reserved") }
    }

    /// The header's bytes.
    var header: [UInt8] {
        var writer = ByteWriter(capacity: Self.headerLength)
        writer.writeBigEndian(Self.magic)
        writer.write(Self.version)
        writer.write(clusterBits)
        writer.write(size)
        writer.write(Self.bitmapOffset)
        writer.write(dataOffset)
        return writer.bytes
            + [UInt8](repeating: 0, count: Self.headerLength - writer.bytes.count)
    }

    /// The size of a cluster, in bytes.
    var clusterSize: UInt64 { 1 << UInt64(clusterBits) }
    /// The number of clusters; the last one may be short.
    var clusterCount: UInt64 { (size - 1) >> UInt64(clusterBits) + 1 }
    /// Where the bitmap is.
    var bitmapOffset: UInt64 { Self.bitmapOffset }
    /// Where the first cluster is.
    var dataOffset: UInt64 {
        let page = UInt64(OverlayBitmap.pageSize)
        let pages = (clusterCount + page * 8 - 1) / (page * 8)
        let end = Self.bitmapOffset + pages * page
        return (end + Self.alignment - 1) & ~(Self.alignment - 1)
    }
    /// How large the store must be.
    var storeSize: UInt64 { dataOffset + size }

    /// The clusters that a range touches; it is not empty.
    func clusters(of range: BlockRange) -> Range<UInt64> {
        range.offset >> UInt64(clusterBits)..<(range.end - 1) >> UInt64(clusterBits) + 1
    }

    /// The bytes of clusters, not past the disk's end.
    func bytes(of clusters: Range<UInt64>) -> (start: UInt64, end: UInt64) {
        (
            clusters.lowerBound << UInt64(clusterBits),
            min(clusters.upperBound << UInt64(clusterBits), size)
        )
    }
}
