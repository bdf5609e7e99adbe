import FileSystemLab
import Foundation
import Platform
import Testing

/// Disks with partitions.
@Suite(.tags(.system)) struct PartitionTests {
    @Test(arguments: ["gpt", "dos"])
    func `a disk with one usable file system just works`(label: String) throws {
        try Causeway.scoped { causeway in
            let disk = "\(causeway.folder)/disk.img"
            try Disk.make(["ext4"], label: label, at: disk)
            try causeway.withMount(disk) { mounted throws in
                #expect(try Files.list(mounted.folder).contains("big"))
            }
        }
    }

    @Test func `with several, each appears as a folder and holds its tree`() throws {
        let names = ["ext4", "fat16", "squashfs"]
        try Causeway.scoped { causeway in
            let disk = "\(causeway.folder)/disk.img"
            try Disk.make(names, at: disk)
            try causeway.withMount(disk) { mounted throws in
                #expect(try Files.list(mounted.folder).sorted() == ["p1", "p2", "p3"])
                for (index, name) in names.enumerated() {
                    let fileSystem = try FileSystem.named(name)
                    let tree = try Lab.tree(for: fileSystem.traits)
                    let found = try Manifest(of: "\(mounted.folder)/p\(index + 1)")
                    let comparison = Comparison(
                        found: found.without(fileSystem.own), expected: tree.manifest,
                        traits: fileSystem.traits)
                    #expect(comparison.isSame, "\(name): \(comparison)")
                }
            }
        }
    }

    @Test func `a partition is chosen by its number, and one that is not there is refused`()
        throws
    {
        try Causeway.scoped { causeway in
            let disk = "\(causeway.folder)/disk.img"
            try Disk.make(["ext4", "squashfs"], at: disk)
            try causeway.withMount(disk, ["--partition", "2"]) { mounted throws in
                #expect(try Files.list(mounted.folder).contains("lost+found") == false)
            }
            let mountpoint = try causeway.makeMountpoint()
            for number in ["3", "0", "x", "-1"] {
                let outcome = try causeway.run(["mount", disk, mountpoint, "--partition=\(number)"])
                #expect([3, 4, 64].contains(outcome.status), "\(outcome)")
            }
        }
    }

    @Test func `writing to one partition leaves every other byte of the disk alone`() throws {
        try Causeway.scoped { causeway in
            let disk = "\(causeway.folder)/disk.img"
            try Disk.make(["ext4", "fat16", "ext2"], at: disk)
            let before = try Self.sums(disk, around: 2)
            try causeway.withMount(disk, ["--write", "--partition", "2"]) { mounted in
                try mounted.path("new").write(Content(size: 3_000_000, seed: 1).bytes)
            }
            #expect(try Self.sums(disk, around: 2) == before)
            try Command.require("sfdisk", ["--verify", "-q", disk])
        }
    }

    /// SHA-256 of what lies before and behind a partition.
    private static func sums(_ disk: String, around number: Int) throws -> [String] {
        let outcome = try Command.shell(
            """
            set -- "$1" $(partx -g -n "$2" -o START,SECTORS "$1")
            head -c $(($2 * 512)) "$1" | sha256sum
            tail -c +$((($2 + $3) * 512 + 1)) "$1" | sha256sum
            """, [disk, "\(number)"])
        return outcome.stdout.split(separator: "\n").map(String.init)
    }
}
