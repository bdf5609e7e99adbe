import FileSystemLab
import Foundation
import Platform
import Testing

/// Processes are killed in the middle of work: calls end with errors in bounded time, and what
/// fsync acknowledged is there.
@Suite(.tags(.system)) struct KilledTests {
    static let journalled = ["ext4", "xfs", "btrfs", "f2fs"]

    @Test(arguments: journalled)
    func `a machine that is killed while writing loses nothing that was synced`(
        name: String
    ) throws {
        try Self.kill("machine", on: name)
    }

    @Test(arguments: ["ext4", "vfat"])
    func `a bridge that is killed while writing loses nothing that was synced`(
        name: String
    ) throws {
        try Self.kill("bridge", on: name == "vfat" ? "fat32" : name)
    }

    @Test func `a storage daemon that is killed while writing loses nothing that was synced`()
        throws
    {
        try Self.kill("storage", on: "ext4")
    }

    @Test func `a session that is killed takes everything with it and loses nothing synced`()
        throws
    {
        try Self.kill("session", on: "ext4")
    }

    private static func kill(_ role: String, on name: String) throws {
        let fileSystem = try FileSystem.named(name)
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let mounted = try causeway.mount(image, ["--write"])
            try Acknowledged.write(in: mounted)
            let writer = try Command.startWriting(to: mounted.folder + "/unsynced")
            #expect(
                Wait.until(seconds: 60) {
                    (try? Files.status(mounted.folder + "/unsynced").size) ?? 0 > 4 << 20
                })
            try mounted.kill(role)
            // The promise is 30 s; the rest is for a machine that has much else to do.
            let ended = try writer.collect(until: Clock.milliseconds() + 60_000)
            #expect(ended, "the writer hangs after the \(role)'s end")
            if !ended { writer.process.signal(SIGKILL) }
            try Self.expectErrors(in: mounted)
            causeway.expectState(role == "session" ? "dead" : "failed")
            let outcome = try causeway.run(["unmount", mounted.folder], seconds: 60)
            #expect(!outcome.timedOut && outcome.status == 1, "\(outcome)")
            try Acknowledged.expect(on: image, causeway)
        }
    }

    /// Every call on the folder fails, and none hangs: 30 s are promised, and twice that is given.
    private static func expectErrors(in mounted: Mounted) throws {
        for script in ["ls \"$1\"", "cat \"$1/acknowledged/0\"", "echo >\"$1/new\""] {
            let outcome = try Command.run("sh", ["-c", script, "sh", mounted.folder], seconds: 60)
            #expect(!outcome.timedOut, "hangs: \(script)")
        }
        let outcome = try Command.run(
            "sh", ["-c", "echo >\"$1/new\" && sync \"$1/new\"", "sh", mounted.folder], seconds: 60)
        #expect(!outcome.isSuccess, "a write was acknowledged that nobody keeps")
    }
}

/// Files that were written and synced, and must be there whatever happened next.
enum Acknowledged {
    private static let count = 40

    static func write(in mounted: Mounted) throws {
        let folder = mounted.path("acknowledged")
        try folder.makeFolder()
        for index in 0..<count {
            let path = folder.appending("\(index)")
            try path.write(content(index))
            let file = try path.open(.readOnly)
            try Files.sync(file)
        }
        try Files.sync(try folder.open([.readOnly, .directory]))
    }

    /// Expects every file, through a read-only mount that leaves the image as it is.
    static func expect(on image: String, _ causeway: Causeway) throws {
        let before = try Lab.sha256(image)
        try causeway.withMount(image) { mounted in
            for index in 0..<count {
                let found = try? mounted.path("acknowledged/\(index)").read()
                #expect(found == content(index), "file \(index)")
            }
        }
        #expect(try Lab.sha256(image) == before)
    }

    private static func content(_ index: Int) -> [UInt8] {
        Content(size: 3000 + index * 1777, seed: UInt64(index) + 1).bytes
    }
}

extension Command {
    /// A program that goes on writing until it fails.
    static func startWriting(to path: String) throws -> RunningCommand {
        try RunningCommand(
            "dd", ["if=/dev/zero", "of=\(path)", "bs=64k", "count=100000", "status=none"])
    }
}
