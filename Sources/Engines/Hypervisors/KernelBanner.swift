import Platform

/// The release of a Linux kernel file.
enum KernelBanner {
    private static let chunk = 1 << 20
    private static let limit: UInt64 = 64 << 20
    private static let mark = Array("Linux version ".utf8)

    /// The first word after "Linux version " in an uncompressed kernel; for a bzImage, what its
    /// header's pointer names (`Documentation/x86/boot.rst`); else "unknown".
    static func release(of path: String) -> String {
        guard let file = try? Files.open(path, .readOnly) else { return "unknown" }
        if let text = setupVersion(file) { return text }
        var offset: UInt64 = 0
        while offset < limit, let bytes = try? Files.read(file, at: offset, count: chunk + 256),
            bytes.count > mark.count
        {
            if let found = find(in: bytes) { return found }
            offset += UInt64(chunk)
        }
        return "unknown"
    }

    private static func find(in bytes: [UInt8]) -> String? {
        guard let range = bytes.firstRange(of: mark) else { return nil }
        return word(bytes[range.upperBound...])
    }

    private static func setupVersion(_ file: OwnedFD) -> String? {
        guard let head = try? Files.read(file, at: 0, count: 0x210), head.count == 0x210,
            head[0x202..<0x206].elementsEqual("HdrS".utf8)
        else { return nil }
        let pointer = UInt64(head[0x20e]) | UInt64(head[0x20f]) << 8
        guard pointer != 0,
            let text = try? Files.read(file, at: 0x200 + pointer, count: 128)
        else { return nil }
        return word(text[...])
    }

    /// Letters, digits and a few marks, up to the first space.
    private static func word(_ bytes: ArraySlice<UInt8>) -> String? {
        let word = bytes.prefix(80).prefix { $0 > 0x20 && $0 < 0x7f }
        return word.isEmpty ? nil : String(decoding: word, as: UTF8.self)
    }
}
