import Platform
import Testing

@testable import StorageDaemon

@Suite struct VHDXHeaderTests {
    private let folder: TestFolder
    private var path: String { "\(folder.path)/disk.vhdx" }

    init() throws {
        folder = try TestFolder()
        try tool("qemu-img", ["create", "-q", "-f", "vhdx", path, "64M"])
    }

    @discardableResult
    private func tool(_ name: String, _ arguments: [String], fails: Bool = false) throws -> String {
        let (end, output) = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/\(name)", arguments: arguments), mergeErrors: true)
        let words = String(decoding: output, as: UTF8.self)
        #expect(end.isSuccess != fails, "\(words)")
        return words
    }

    private func copies() throws -> [[UInt8]] {
        let file = try Files.open(path, .readOnly)
        return try VHDXHeader.places.map { try Files.read(file, at: $0, count: VHDXHeader.size) }
    }

    /// The same header with this log's GUID, and a checksum that fits.
    private func naming(log: UInt8, in copy: [UInt8]) -> [UInt8] {
        var header = copy
        header.replaceSubrange(48..<64, with: [UInt8](repeating: log, count: 16))
        header.replaceSubrange(4..<8, with: [0, 0, 0, 0])
        let sum = header.withUnsafeBytes { Checksum.crc32c($0) }
        for index in 0..<4 { header[4 + index] = UInt8(truncatingIfNeeded: sum >> (index * 8)) }
        return header
    }

    /// What a QEMU leaves that is killed after it named its log and before it wrote an entry.
    private func breakLog() throws {
        let copies = try copies()
        let current = try #require(VHDXHeader.current(of: copies))
        let index = try #require(copies.firstIndex { VHDXHeader($0) == current })
        try Files.write(
            naming(log: 0x55, in: copies[index]), to: try Files.open(path, .readWrite),
            at: VHDXHeader.places[index])
    }

    private func open(readOnly: Bool) throws {
        let daemon = try StorageDaemon.start(
            StoragePlan(
                nbdExportOf: try Files.open(path, readOnly ? .readOnly : .readWrite),
                format: .vhdx, readOnly: readOnly, socketFolder: "\(folder.path)/sockets"),
            log: folder.log.raw)
        defer { daemon.kill() }
        try daemon.waitUntilReady()
    }

    @Test func `QEMU's own headers are read, and the newer one counts`() throws {
        let copies = try copies()
        let both = copies.compactMap { VHDXHeader($0) }
        try #require(both.count == 2)
        let newest = max(both[0].sequenceNumber, both[1].sequenceNumber)
        #expect(both[0].sequenceNumber != both[1].sequenceNumber)
        #expect(VHDXHeader.current(of: copies)?.sequenceNumber == newest)
        #expect(VHDXHeader.current(of: copies.reversed())?.sequenceNumber == newest)
        #expect(VHDXHeader.current(of: copies)?.hasLog == false)
    }

    @Test func `a log that only the older header names is none`() throws {
        var copies = try copies()
        let current = try #require(VHDXHeader.current(of: copies))
        for index in copies.indices {
            var changed = copies
            changed[index] = naming(log: 1, in: copies[index])
            let isCurrent = VHDXHeader(copies[index]) == current
            #expect(VHDXHeader.current(of: changed)?.hasLog == isCurrent)
        }
        copies = copies.map { [UInt8](repeating: 0, count: $0.count) }
        #expect(VHDXHeader.current(of: copies) == nil)
    }

    @Test func `a header that is cut off, damaged or none at all is not valid`() throws {
        let header = try copies()[0]
        #expect(VHDXHeader(header) != nil)
        for length in [0, 4, 12, 64, 4095] { #expect(VHDXHeader(Array(header[..<length])) == nil) }
        #expect(VHDXHeader(header + [0]) == nil)
        for place in [0, 4, 8, 48, 63, 100, 4095] {
            var damaged = header
            damaged[place] ^= 1
            #expect(VHDXHeader(damaged) == nil, "byte \(place)")
        }
    }

    @Test func `a half-made log is refused where it is to be written, and only there`() throws {
        try open(readOnly: false)
        try breakLog()
        #expect(throws: StorageError.halfMadeLog) { try open(readOnly: false) }
        try open(readOnly: true)
        // The reason: QEMU itself opens it, and then cannot write.
        let words = try tool(
            "qemu-io", ["-f", "vhdx", "-c", "write 0 64k", path], fails: true)
        #expect(words.contains("Operation not supported"))
    }

    @Test func `a copy as the remedy says is writable`() throws {
        try breakLog()
        let copy = "\(folder.path)/copy"
        try tool("qemu-img", ["convert", "-f", "vhdx", "-O", "vhdx", path, copy])
        try Files.rename(copy, to: path)
        try open(readOnly: false)
        try tool("qemu-io", ["-f", "vhdx", "-c", "write 0 64k", path])
    }
}
