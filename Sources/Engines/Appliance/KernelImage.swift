import Bytes
import Platform

/// A PC kernel's self-extracting image.
///
/// Format: Documentation/x86/boot.rst of the kernel, "The Real-Mode Kernel Header".
enum KernelImage {
    /// Bounds of what is read.
    enum Limits {
        /// Largest image, in bytes.
        static let image = 256 << 20
    }

    /// Offsets of header fields, in bytes.
    private enum Field {
        static let setupSectors = 0x1f1
        static let magic = 0x202
        static let version = 0x206
        static let payloadOffset = 0x248
        static let payloadLength = 0x24c
        static let end = 0x250
    }

    /// Writes the kernel that an image holds, an ELF file, to `target`.
    static func extract(
        _ path: String, to target: String, cache: BuildCache
    ) throws(ApplianceError) {
        let image: [UInt8]
        do { image = try Files.read(path, limit: Limits.image) } catch {
            throw ApplianceError(
                "The kernel image cannot be read: \(error)", remedy: ApplianceError.buildAgain)
        }
        let payload: ArraySlice<UInt8>
        do { payload = try Self.payload(of: image) } catch {
            throw ApplianceError(
                "\(path) is no kernel image that this version of Causeway knows: \(error)",
                remedy: "Delete the cache and build again.")
        }
        guard let tool = Compression(payload) else {
            throw ApplianceError(
                "The kernel in \(path) is compressed by a method that Causeway does not know",
                remedy: "Report the package's version.")
        }
        let unpacked = target + ".new"
        let packed = unpacked + tool.suffix
        try cache.write(packed, Array(payload.dropLast(tool.trailerSize)))
        try Tool.run(
            tool.program, ["--decompress", "--force", "--quiet", packed], package: tool.package)
        try cache.removeTree(packed)
        do { try Files.rename(unpacked, to: target) } catch {
            throw ApplianceError("The kernel was not unpacked: \(error)", remedy: "Build again.")
        }
    }

    /// The compressed kernel inside an image.
    static func payload(of image: [UInt8]) throws(BytesError) -> ArraySlice<UInt8> {
        guard image.count >= Field.end else {
            throw .truncated(needed: Field.end, available: image.count)
        }
        func number<Value: FixedWidthInteger>(_ offset: Int) throws(BytesError) -> Value {
            var reader = ByteReader(image[offset...])
            return try reader.integer()
        }
        let magic: UInt32 = try number(Field.magic)
        guard magic == 0x5372_6448 else {  // "HdrS"
            throw .invalid(field: "magic", value: UInt64(magic))
        }
        let version: UInt16 = try number(Field.version)
        guard version >= 0x0208 else { throw .invalid(field: "version", value: UInt64(version)) }
        let sectors: UInt8 = try number(Field.setupSectors)
        let offset: UInt32 = try number(Field.payloadOffset)
        let length: UInt32 = try number(Field.payloadLength)
        let start = (Int(sectors == 0 ? 4 : sectors) + 1) * 512 + Int(offset)
        var reader = ByteReader(image)
        try reader.skip(start)
        return try reader.raw(Int(length))
    }
}

/// How a payload is compressed, by its first bytes, and who unpacks it.
enum Compression: CaseIterable {
    case xz, gzip, zstd

    init?(_ payload: ArraySlice<UInt8>) {
        guard let match = Self.allCases.first(where: { payload.starts(with: $0.magic) }) else {
            return nil
        }
        self = match
    }

    private var magic: [UInt8] {
        switch self {
        case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
        case .gzip: [0x1f, 0x8b]
        case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
        }
    }

    /// Bytes behind the stream: the unpacked size, where the method itself does not end with it.
    var trailerSize: Int { self == .gzip ? 0 : 4 }

    var suffix: String {
        switch self {
        case .xz: ".xz"
        case .gzip: ".gz"
        case .zstd: ".zst"
        }
    }

    var program: String {
        switch self {
        case .xz: "xz"
        case .gzip: "gzip"
        case .zstd: "zstd"
        }
    }

    var package: String { self == .xz ? "xz-utils" : program }
}
