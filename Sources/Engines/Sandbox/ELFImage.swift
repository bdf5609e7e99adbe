import Bytes

/// What the dynamic linker reads of a 64-bit little-endian ELF file: which libraries it needs.
///
/// Source: the System V ABI, chapters 4 and 5. Reads are bounded, and nothing outside the file's
/// own tables is followed.
struct ELFImage: Sendable, Equatable {
    /// `e_machine`.
    let machine: UInt16
    /// PT_INTERP: the dynamic linker; nil for a static program or a library.
    let interpreter: String?
    /// DT_NEEDED, in order.
    let needed: [String]
    /// DT_RUNPATH or DT_RPATH, as written.
    let runPaths: [String]

    /// Limits on what one file may ask for.
    enum Limits {
        static let headers = 128
        static let dynamicBytes = 64 << 10
        static let needed = 256
        static let text = 4096
    }

    private struct Segment {
        var type: UInt32
        var offset: UInt64
        var address: UInt64
        var size: UInt64
    }

    /// Reads a file through `read`, which returns fewer bytes only at the end of the file.
    ///
    /// Returns nil for what is no such file.
    init?<Failure: Error>(
        read: (_ offset: UInt64, _ count: Int) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        let header = try read(0, 64)
        guard let (machine, offset, count) = try? Self.parse(header: header) else { return nil }
        let table = try read(offset, 56 * Int(count))
        guard let segments = try? Self.parse(segments: table, count: Int(count)) else { return nil }
        self.machine = machine

        var interpreter: String?
        if let segment = segments.first(where: { $0.type == 3 }) {
            let bytes = try read(segment.offset, Int(min(segment.size, UInt64(Limits.text))))
            interpreter = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        self.interpreter = interpreter

        guard let dynamic = segments.first(where: { $0.type == 2 }) else {
            needed = []
            runPaths = []
            return
        }
        let entries = Self.entries(
            of: try read(dynamic.offset, Int(min(dynamic.size, UInt64(Limits.dynamicBytes)))))
        guard let names = entries.first(where: { $0.tag == 5 })?.value,
            let holder = segments.first(where: {
                $0.type == 1 && names >= $0.address && names - $0.address < $0.size
            })
        else { return nil }
        let base = holder.offset + (names - holder.address)
        var needed: [String] = []
        var runPaths: [String] = []
        for entry in entries where [1, 15, 29].contains(entry.tag) && needed.count < Limits.needed {
            guard entry.value < 1 << 32 else { return nil }
            let bytes = try read(base + entry.value, Limits.text)
            let text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            if entry.tag == 1 { needed.append(text) } else { runPaths.append(text) }
        }
        self.needed = needed
        self.runPaths = runPaths.flatMap { $0.split(separator: ":").map(String.init) }
    }

    /// Machine, and place and count of the program headers.
    private static func parse(
        header: [UInt8]
    ) throws(BytesError) -> (machine: UInt16, offset: UInt64, count: UInt16) {
        var reader = ByteReader(header)
        // 0x7f 'E' 'L' 'F', 64-bit, little-endian.
        let identity = try reader.raw(16)
        guard identity.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
            throw .invalid(field: "e_ident", value: 0)
        }
        try reader.skip(2)
        let machine: UInt16 = try reader.integer()
        try reader.skip(4 + 8)
        let offset: UInt64 = try reader.integer()
        try reader.skip(8 + 4 + 2)
        let size: UInt16 = try reader.integer()
        let count: UInt16 = try reader.integer()
        guard size == 56, count <= Limits.headers, offset < 1 << 40 else {
            throw .invalid(field: "e_phnum", value: UInt64(count))
        }
        return (machine, offset, count)
    }

    private static func parse(
        segments bytes: [UInt8], count: Int
    ) throws(BytesError) -> [Segment] {
        var reader = ByteReader(bytes)
        var segments: [Segment] = []
        for _ in 0..<count {
            let type: UInt32 = try reader.integer()
            try reader.skip(4)
            let offset: UInt64 = try reader.integer()
            let address: UInt64 = try reader.integer()
            try reader.skip(8)
            let size: UInt64 = try reader.integer()
            try reader.skip(16)
            guard offset < 1 << 40 else { throw .invalid(field: "p_offset", value: offset) }
            segments.append(Segment(type: type, offset: offset, address: address, size: size))
        }
        return segments
    }

    /// The dynamic section up to its end mark.
    private static func entries(of bytes: [UInt8]) -> [(tag: Int64, value: UInt64)] {
        var reader = ByteReader(bytes)
        var entries: [(tag: Int64, value: UInt64)] = []
        while let tag = try? reader.integer(as: Int64.self), tag != 0,
            let value = try? reader.integer(as: UInt64.self)
        {
            entries.append((tag, value))
        }
        return entries
    }
}
