import BlockDevices
import BlockFilters
import FileSystemLab
import Foundation
import Platform
import Testing

/// An fsync, or a client's flush, reaches the disk: nothing that the host, the daemon or the
/// machine still holds is needed for what was acknowledged.
@Suite(.tags(.system)) struct SyncedTests {
    @Test(arguments: ["ext4", "xfs"])
    func `what fsync acknowledged outlives a power cut at that moment`(name: String) throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy(name)
            let copy = "\(causeway.folder)/copy.img"
            try Command.require("cp", [image, copy])
            try Self.withRecord(of: image, causeway) { source, log in
                try causeway.withMount(source, ["--write"]) { mounted in
                    try Synced.write(in: mounted)
                    // All that is sure to be left by a cut now: what was flushed.
                    let replay = CrashReplay(try BlockLog(try Files.open(log, .readOnly)))
                    let end = try #require(replay.log.entries.lastIndex { $0.kind == .flush })
                    let device = try FileDevice(path: copy, options: .init(isWritable: true))
                    try replay.apply(0..<end + 1, to: device)
                }
            }
            try causeway.withMount(copy) { try Synced.expect(in: $0) }
        }
    }

    @Test(arguments: ["session", "storage"])
    func `what fsync acknowledged on --scratch outlives a kill`(role: String) throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let before = try Lab.sha256(image)
            let mounted = try causeway.mount(image, ["--scratch"])
            try Synced.write(in: mounted)
            try mounted.kill(role)
            causeway.expectState(role == "session" ? "dead" : "failed")
            let outcome = try causeway.run(["unmount", mounted.folder], seconds: 60)
            #expect(!outcome.timedOut && outcome.status == 1, "\(outcome)")
            try causeway.withMount(image, ["--scratch"]) { try Synced.expect(in: $0) }
            #expect(try Lab.sha256(image) == before)
        }
    }

    @Test func `a client's flush in a machine is a flush of the source`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try Self.withRecord(of: image, causeway) { source, log in
                try causeway.withExport(source, ["--nbd", "--write", "--in-guest"]) { exported in
                    let before = try Self.flushes(log)
                    let write = "h.pwrite(b'7' * 65536, 1 << 20); h.flush()"
                    try Command.require(
                        "nbdsh", ["--uri", try exported.url("nbd:"), "-c", write])
                    #expect(try Self.flushes(log) > before)
                }
            }
        }
    }

    /// The image as a file whose every write and fsync is in a record.
    private static func withRecord(
        of image: String, _ causeway: Causeway,
        _ body: (_ file: String, _ log: String) throws -> Void
    ) throws {
        let log = "\(causeway.folder)/disk.log"
        let options = ["--attach", "file", "--write", "--record", log]
        try causeway.withExport(image, options) { try body(try $0.path(), log) }
    }

    private static func flushes(_ log: String) throws -> Int {
        try BlockLog(try Files.open(log, .readOnly)).entries.count { $0.kind == .flush }
    }
}

/// Files that were each written and synced through one descriptor.
private enum Synced {
    private static let count = 8

    static func write(in mounted: Mounted) throws {
        for index in 0..<count {
            let file = try mounted.path("synced\(index)").open([.writeOnly, .create], mode: 0o644)
            try Files.writeAll(content(index), to: file.raw)
            try Files.sync(file)
        }
    }

    static func expect(in mounted: Mounted) throws {
        for index in 0..<count {
            let found = try? mounted.path("synced\(index)").read()
            #expect(found == content(index), "file \(index)")
        }
    }

    private static func content(_ index: Int) -> [UInt8] {
        Content(size: 40_000 + index * 30_001, seed: UInt64(index) + 7).bytes
    }
}
