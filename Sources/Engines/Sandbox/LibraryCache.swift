import Bytes

/// The dynamic linker's index of libraries, `/etc/ld.so.cache`.
///
/// Source: glibc's `dl-cache.h`, format "glibc-ld.so.cache1.1". A value type.
struct LibraryCache: Sendable {
    private static let magic = Array("glibc-ld.so.cache1.1".utf8)
    private static let entryLimit = 100_000

    private let paths: [String: [String]]

    /// Reads the index; one that is not understood is empty.
    init(_ bytes: [UInt8]) {
        paths = (try? Self.parse(bytes)) ?? [:]
    }

    /// Where a library is, for any processor, best first.
    func paths(of name: String) -> [String] { paths[name] ?? [] }

    private static func parse(_ bytes: [UInt8]) throws(BytesError) -> [String: [String]] {
        var reader = ByteReader(bytes)
        guard try reader.raw(magic.count).elementsEqual(magic) else {
            throw .invalid(field: "magic", value: 0)
        }
        let count: UInt32 = try reader.integer()
        guard count <= entryLimit else {
            throw .tooLong(length: Int(count), limit: entryLimit)
        }
        try reader.skip(24)
        var paths: [String: [String]] = [:]
        for _ in 0..<count {
            try reader.skip(4)
            let key: UInt32 = try reader.integer()
            let value: UInt32 = try reader.integer()
            try reader.skip(4)
            let capabilities: UInt64 = try reader.integer()
            // Variants for particular processors are left to the plain one.
            guard capabilities == 0, let name = text(bytes, Int(key)),
                let path = text(bytes, Int(value))
            else { continue }
            paths[name, default: []].append(path)
        }
        return paths
    }

    private static func text(_ bytes: [UInt8], _ offset: Int) -> String? {
        guard offset < bytes.count else { return nil }
        return String(decoding: bytes[offset...].prefix(4096).prefix { $0 != 0 }, as: UTF8.self)
    }
}
