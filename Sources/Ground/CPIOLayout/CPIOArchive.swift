import Bytes

/// The "newc" archive that the Linux kernel unpacks as its initial root file system.
///
/// Format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel. Every entry is
/// a header of 110 ASCII bytes, the path with a zero byte, and the content; path and content
/// are padded with zeros to multiples of four. The archive ends with the entry `TRAILER!!!`.
/// Equal entries, in whatever order they are handed over, become equal bytes.
public enum CPIOArchive {
    /// Bounds of what is written.
    public enum Limits {
        /// Longest path or link target with its zero byte (Linux PATH_MAX).
        public static let path = 4096
        /// Most entries of one archive.
        public static let entries = 100_000
    }

    /// Bytes of one header.
    static let headerSize = 110
    /// Identifies a header: newc without checksums.
    static let magic = "070701"
    /// Path of the last entry.
    static let trailer = "TRAILER!!!"

    /// Encodes entries, sorted by path.
    public static func encode(_ entries: [CPIOEntry]) throws(CPIOError) -> [UInt8] {
        guard entries.count <= Limits.entries else {
            throw .tooManyEntries(entries.count, limit: Limits.entries)
        }
        let sorted = entries.sorted { Array($0.path.utf8).lexicographicallyPrecedes($1.path.utf8) }
        var seen: Set<String> = []
        var folders: Set<Substring> = [""]
        var writer = ByteWriter(capacity: sorted.reduce(512) { $0 + estimatedSize($1) })
        for (index, entry) in sorted.enumerated() {
            try check(entry, folders: folders)
            guard seen.insert(entry.path).inserted else { throw .duplicate(entry.path) }
            if entry.content == .directory { folders.insert(entry.path[...]) }
            try append(entry, inode: UInt32(index + 1), to: &writer)
        }
        appendRecord(Header(), path: trailer, content: [], to: &writer)
        return writer.bytes
    }

    private static func check(
        _ entry: CPIOEntry, folders: Set<Substring>
    ) throws(CPIOError) {
        let path = entry.path
        guard path.utf8.count < Limits.path else { throw .pathTooLong(path, limit: Limits.path) }
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        let isClean = components.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
        guard isClean, !path.utf8.contains(0), path != trailer else { throw .badPath(path) }
        let parent = path.lastIndex(of: "/").map { path[..<$0] } ?? ""
        guard folders.contains(parent) else { throw .missingParent(path) }
    }

    private static func append(
        _ entry: CPIOEntry, inode: UInt32, to writer: inout ByteWriter
    ) throws(CPIOError) {
        var header = Header(inode: inode)
        var content: [UInt8] = []
        switch entry.content {
        case .directory:
            header.mode = 0o040000
            header.links = 2
        case .file(let bytes):
            guard UInt32(exactly: bytes.count) != nil else { throw .fileTooLong(entry.path) }
            header.mode = 0o100000
            content = bytes
        case .symbolicLink(let target):
            guard target.utf8.count < Limits.path else {
                throw .pathTooLong(target, limit: Limits.path)
            }
            guard !target.isEmpty, !target.utf8.contains(0) else { throw .badPath(target) }
            header.mode = 0o120000
            content = Array(target.utf8)
        case .characterDevice(let major, let minor):
            header.mode = 0o020000
            header.deviceMajor = major
            header.deviceMinor = minor
        }
        header.mode |= entry.permissions & 0o7777
        appendRecord(header, path: entry.path, content: content, to: &writer)
    }

    private static func appendRecord(
        _ header: Header, path: String, content: [UInt8], to writer: inout ByteWriter
    ) {
        var header = header
        header.contentSize = UInt32(content.count)
        header.pathSize = UInt32(path.utf8.count + 1)
        header.write(to: &writer)
        writer.writeRaw(path.utf8)
        writer.write(UInt8(0))
        pad(&writer)
        writer.writeRaw(content)
        pad(&writer)
    }

    private static func pad(_ writer: inout ByteWriter) {
        while writer.bytes.count % 4 != 0 { writer.write(UInt8(0)) }
    }

    private static func estimatedSize(_ entry: CPIOEntry) -> Int {
        let content = if case .file(let bytes) = entry.content { bytes.count } else { 64 }
        return headerSize + entry.path.utf8.count + content + 8
    }
}

/// The thirteen numbers of a header, in the order in which they are written.
struct Header {
    var inode: UInt32 = 0
    var mode: UInt32 = 0
    var links: UInt32 = 1
    var contentSize: UInt32 = 0
    var deviceMajor: UInt32 = 0
    var deviceMinor: UInt32 = 0
    var pathSize: UInt32 = 0

    /// Writes 110 bytes: the magic, then each number as eight hexadecimal digits.
    func write(to writer: inout ByteWriter) {
        writer.writeRaw(CPIOArchive.magic.utf8)
        let user: UInt32 = 0
        let group: UInt32 = 0
        let time: UInt32 = 0
        let archiveMajor: UInt32 = 0
        let archiveMinor: UInt32 = 0
        let checksum: UInt32 = 0
        let fields = [
            inode, mode, user, group, links, time, contentSize, archiveMajor, archiveMinor,
            deviceMajor, deviceMinor, pathSize, checksum,
        ]
        for field in fields { Header.writeHexadecimal(field, to: &writer) }
    }

    private static func writeHexadecimal(_ value: UInt32, to writer: inout ByteWriter) {
        for shift in stride(from: 28, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 0xf
            writer.write(digit < 10 ? 0x30 + digit : 0x61 - 10 + digit)
        }
    }
}
