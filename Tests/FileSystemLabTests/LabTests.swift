import FileSystemLab
import Foundation
import Platform
import Testing

@Suite struct LabTests {
    /// All of them where `CAUSEWAY_TESTS` is `full`: reading the images through the product says
    /// the same in less time.
    private static let chosen: [FileSystem] = {
        let isFull = ProcessInfo.processInfo.environment["CAUSEWAY_TESTS"] == "full"
        return FileSystem.table.filter {
            isFull || ["ext4", "minix1", "fat12", "squashfs", "hfsplus-empty"].contains($0.name)
        }
    }()

    @Test(arguments: chosen)
    func `an image holds its tree, says another kernel`(fileSystem: FileSystem) throws {
        let driver = try #require(fileSystem.driver)
        let image = try Lab.image(of: fileSystem)
        let found = try Oracle.manifest(of: image, driver: driver).without(fileSystem.own)
        let tree = try Lab.tree(for: fileSystem.traits)
        let comparison = Comparison(
            found: found, expected: tree.manifest, traits: fileSystem.traits)
        #expect(comparison.isSame, "\(comparison)")
    }

    @Test func `a damaged image fails its check`() throws {
        let scratch = try Scratch()
        let fileSystem = try FileSystem.named("ext4")
        let image = try Lab.copy(of: fileSystem, into: scratch.path)
        try fileSystem.checkImage(image)
        // The group descriptors.
        try RawPath(image).write([UInt8](repeating: 0xa5, count: 64), at: 4096)
        #expect(throws: LabError.self) { try fileSystem.checkImage(image) }
    }

    @Test func `the same work in two folders leaves the same`() throws {
        let scratch = try Scratch()
        for traits in [Traits.posix, try FileSystem.named("fat12").written] {
            let tree = try Lab.tree(for: traits)
            var manifests: [Manifest] = []
            for name in ["one", "two"] {
                let folder = "\(scratch.path)/\(name)-\(traits.symlinks)"
                try Command.require("cp", ["-a", tree.path, folder])
                let work = WriteWork(in: folder, traits: traits)
                try work.perform()
                try work.settleTimes()
                manifests.append(try Manifest(of: folder))
            }
            let same = Comparison(found: manifests[0], expected: manifests[1], traits: traits)
            #expect(same.isSame, "\(same)")
            let changed = Comparison(found: manifests[0], expected: tree.manifest, traits: traits)
            #expect(changed.differences.count > 200)
        }
    }
}

@Suite struct CommandTests {
    @Test func `keeps both outputs apart and tells the exit code`() throws {
        let outcome = try Command.run("sh", ["-c", "echo out; echo err >&2; exit 3"])
        #expect(outcome.stdout == "out\n" && outcome.stderr == "err\n" && outcome.status == 3)
        #expect(!outcome.isSuccess && !outcome.timedOut)
    }

    @Test func `waits for the end of the output, not only of the program`() throws {
        let outcome = try Command.run("sh", ["-c", "(exec sleep 0.3; echo) & echo started"])
        #expect(outcome.milliseconds >= 300)
        #expect(outcome.stdout == "started\n")
    }

    @Test func `kills what exceeds its time`() throws {
        let outcome = try Command.run("sleep", ["600"], seconds: 1)
        #expect(outcome.timedOut && outcome.milliseconds < 300_000)
    }

    @Test func `names the program that is missing`() {
        #expect(throws: LabError.self) { try Command.run("no-such-program", []) }
    }
}
