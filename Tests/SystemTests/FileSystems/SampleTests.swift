import FileSystemLab
import Foundation
import Platform
import Testing

/// Images that other people's tools and drivers wrote; their folder is `CAUSEWAY_SAMPLES`.
@Suite(.tags(.system), .enabled(if: Settings.samples != nil, "not run: no samples"))
struct SampleTests {
    private static let generated = [
        "cramfs", "erofs", "ext2", "f2fs", "jfs", "minix1", "minix3", "nilfs2", "reiserfs", "romfs",
        "sq", "udf", "vfat12", "vfat16", "xfs4",
    ]

    @Test(arguments: generated)
    func `an image filled by another kernel shows the tree that was put in`(name: String) throws {
        let samples = try #require(Settings.samples) + "/generated"
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/\(name).img"
            try Command.shell(
                "xz -dc \"$1/$2.img.xz\" >\"$3\"; xz -dc \"$1/tree.tar.xz\" | tar -x -C \"$4\"",
                [samples, name, image, causeway.folder])
            let before = try Lab.sha256(image)
            try causeway.withMount(image) { mounted in
                // Only what every one of them keeps: files and their content.
                let traits = Traits.posix.with {
                    $0.modes = .none
                    $0.times = .none
                    $0.hardLinks = false
                }
                let expected = try Manifest(of: "\(causeway.folder)/tree")
                let found = try mounted.manifest()
                let comparison = Comparison(found: found, expected: expected, traits: traits)
                let files = comparison.differences.filter { !$0.hasPrefix("not expected") }
                #expect(files.isEmpty, "\(comparison)")
            }
            #expect(try Lab.sha256(image) == before)
        }
    }

    private static let others = [
        "dfvfs/hfsplus.raw.xz", "dfvfs/iso9660.raw", "generated/hfs.img.xz",
        "generated/iso-makefs.img.xz",
    ]

    @Test(arguments: others)
    func `an image of another system's tools can be read to its end`(name: String) throws {
        let samples = try #require(Settings.samples)
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/sample.img"
            try Command.shell(
                "case $1 in *.xz) xz -dc \"$1\" ;; *) cat \"$1\" ;; esac >\"$2\"",
                ["\(samples)/\(name)", image])
            let before = try Lab.sha256(image)
            try causeway.withMount(image) { mounted throws in
                #expect(try mounted.manifest().count("f") > 0)
            }
            #expect(try Lab.sha256(image) == before)
        }
    }

    /// Everything in the collection's folder.
    private static let hostile: [String] = {
        let names = Settings.samples.flatMap { try? Files.list("\($0)/syzkaller") } ?? []
        let prefix = "syz_mount_image_"
        return names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            .sorted()
    }()

    @Test(arguments: hostile)
    func `an image of a fuzzer's collection is opened or refused, in bounded time`(
        name: String
    ) throws {
        let samples = try #require(Settings.samples) + "/syzkaller"
        try Causeway.scoped { causeway in
            try Command.require(
                "python3",
                ["\(samples)/decode.py", causeway.folder, "\(samples)/syz_mount_image_\(name)"])
            let image = "\(causeway.folder)/\(name).img"
            let mountpoint = try causeway.makeMountpoint()
            let outcome = try causeway.run(
                ["mount", image, mountpoint, "--via", Settings.hypervisor], seconds: 90)
            #expect(!outcome.timedOut && [0, 3, 4, 7].contains(outcome.status), "\(outcome)")
            guard outcome.isSuccess else { return }
            let reading = try Command.run(
                "tar", ["-cf", "/dev/null", "--ignore-failed-read", "-C", mountpoint, "."],
                seconds: 60)
            #expect(!reading.timedOut, "\(reading)")
            try causeway.unmount(mountpoint)
        }
    }

    @Test(arguments: [
        ("ext2.qcow2", "qcow2"), ("ext2.vhd", "vpc"), ("ext2.vmdk", "vmdk"),
        ("hfsplus_zlib.dmg", "dmg"), ("windows_volume.qcow2", "qcow2"),
    ])
    func `an image in another format shows its files`(name: String, format: String) throws {
        let samples = try #require(Settings.samples) + "/dfvfs"
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/\(name)"
            try Command.require("cp", ["--no-preserve=mode", "\(samples)/\(name)", image])
            let before = try Lab.sha256(image)
            try causeway.withMount(image, ["--format", format]) { mounted throws in
                #expect(try mounted.manifest().count("f") > 0)
            }
            #expect(try Lab.sha256(image) == before)
        }
    }

    @Test func `a differencing VHD is refused, which has holes where its parent has data`() throws {
        let samples = try #require(Settings.samples) + "/dfvfs"
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/difference.vhd"
            let source = "\(samples)/fat-differential.vhd"
            try Command.require("cp", ["--no-preserve=mode", source, image])
            let outcome = try causeway.run(["export", image, "--nbd", "--format", "vpc"])
            #expect(outcome.status == 4, "\(outcome)")
            #expect(outcome.stderr.contains("difference to another"), "\(outcome)")
        }
    }
}
