import Catalogue
import Glibc
import Platform
import Testing

@testable import Inspection

/// Where images made by other people's tools are; nil where they are not.
private let samples: String? = getenv("CAUSEWAY_SAMPLES").map { String(cString: $0) }

/// What an image must be taken for.
struct SampleExpectation: CustomTestStringConvertible {
    /// Path in the folder of samples.
    var path: String
    /// Name of the file system, type of the layer, or type of the partition table.
    var finds: String
    var state: VolumeState?
    var options: String?
    var testDescription: String { path }

    init(_ path: String, _ finds: String, _ state: VolumeState? = nil, options: String? = nil) {
        self.path = path
        self.finds = finds
        self.state = state
        self.options = options
    }
}

@Suite(.enabled(if: samples != nil, "not run: no samples (CAUSEWAY_SAMPLES is not set)"))
struct SampleTests {
    static let expectations: [SampleExpectation] = [
        .init("generated/ext2.img.xz", "ext2", .clean),
        .init("generated/f2fs.img.xz", "f2fs", .clean),
        .init("generated/xfs4.img.xz", "xfs", .clean),
        .init("generated/jfs.img.xz", "jfs", .clean),
        .init("generated/reiserfs.img.xz", "reiserfs", .clean),
        .init("generated/nilfs2.img.xz", "nilfs2", .clean),
        .init("generated/btrfs-raid1-a.img.xz", "btrfs", .clean),
        .init("generated/vfat12.img.xz", "vfat", .clean),
        .init("generated/vfat16.img.xz", "vfat", .clean),
        .init("generated/udf.img.xz", "udf", .clean),
        .init("generated/sq.img.xz", "squashfs", .clean),
        .init("generated/erofs.img.xz", "erofs", .clean),
        .init("generated/cramfs.img.xz", "cramfs", .clean),
        .init("generated/romfs.img.xz", "romfs", .clean),
        .init("generated/minix1.img.xz", "minix", .clean),
        .init("generated/minix3.img.xz", "minix", .unknown),
        .init("generated/hfs.img.xz", "hfs", .clean),
        .init("generated/iso-hfs.img.xz", "iso9660", .clean),
        .init("generated/bfs.img.xz", "bfs"),
        .init("generated/adfs-e.adf", "adfs"),
        .init("generated/adfs-fp.adf", "adfs"),
        .init("generated/affs.hdf", "affs"),
        .init("generated/ufs1-be.img.xz", "ufs", .clean, options: "ufstype=44bsd"),
        .init("generated/ufs1-le.img.xz", "ufs", .clean, options: "ufstype=44bsd"),
        .init("generated/ufs2.img.xz", "ufs", .clean, options: "ufstype=ufs2"),
        .init("generated/gfs2.img.xz", "gfs2"),
        .init("generated/ocfs2.img.xz", "ocfs2"),
        .init("dirty/dirty-ext4.img.xz", "ext4", .dirty),
        .init("dirty/dirty-f2fs.img.xz", "f2fs", .dirty),
        .init("dirty/dirty-jfs.img.xz", "jfs", .dirty),
        .init("dirty/dirty-reiserfs.img.xz", "reiserfs", .dirty),
        .init("dirty/dirty-xfs4.img.xz", "xfs", .dirty),
        .init("dirty/dirty-xfs5.img.xz", "xfs", .dirty),
        .init("dfvfs/hfsplus.raw.xz", "hfsplus", .clean),
        .init("dfvfs/apfs.raw.xz", "apfs"),
        .init("dfvfs/iso9660.raw", "iso9660"),
        .init("dfvfs/ext2.qcow2", "format:qcow2"),
        .init("dfvfs/ext2.vmdk", "format:vmdk"),
        .init("dfvfs/ext2.vhd", "format:vpc"),
        .init("dfvfs/hfsplus_zlib.dmg", "format:dmg"),
        .init("dfvfs/ext2.E01", "format:"),
        .init("vxfs/mk-le.img.xz", "vxfs"),
        .init("vxfs/mk-be.img.xz", "vxfs"),
        .init("adflib/testofs.adf", "affs"),
        .init("adflib/a590_6parts.hdd.gz", "rdb"),
        .init("dissect/qnx6-le-sb1-refreshed.img", "qnx6"),
        .init("dissect/qnxfs/_data/qnx4.bin.gz", "qnx4"),
        .init("dissect/qnxfs/_data/qnx6-be.bin.gz", "qnx6"),
        .init("dissect/ffs/data/ffs_symlink_test2.bin.gz", "ufs", .dirty),
        .init("dissect/apfs-encrypted.bin.gz", "apfs"),
        .init("dissect/fve/_data/bde/aes_128.bin.gz", "BitLocker"),
        .init("dissect/fve/_data/luks1/sha1.bin.gz", "crypto_LUKS"),
        .init("dissect/fve/_data/luks2/aes-ecb.bin.gz", "crypto_LUKS"),
        .init("dissect/volume/_data/lvm/lvm.bin.gz", "LVM2_member"),
        .init("dissect/volume/_data/md/md-raid5-1.bin.gz", "linux_raid_member"),
        .init("dissect/volume/_data/md/md-90-raid1-1.bin.gz", "linux_raid_member"),
        .init("dissect/volume/_data/ddf/ddf-raid0-1.bin.gz", "ddf_raid_member"),
        .init("dissect/volume/_data/disk/gpt.bin", "table:gpt:1,2"),
        .init("dissect/volume/_data/disk/gpt_4k.bin", "table:gpt:1,2,3"),
        .init("dissect/volume/_data/disk/gpt_esxi.bin", "table:gpt:1,5,6,7,8"),
        .init("dissect/volume/_data/disk/gpt_hybrid.bin", "table:gpt:1,2,3"),
        .init("dissect/volume/_data/disk/gpt_no_name_xff.bin", "table:gpt:"),
        .init("dissect/volume/_data/disk/mbr.bin", "table:dos:1,2"),
        .init("dissect/volume/_data/disk/apm.bin", "table:mac:1,2,3"),
        .init("dissect/volume/_data/disk/bsd.bin", "table:bsd:1,2,3"),
        .init("dissect/volume/_data/disk/bsd64.bin.gz", "table:gpt:1,2"),
    ]

    @Test(arguments: expectations)
    func `is taken for what it is`(_ sample: SampleExpectation) throws {
        let disk = try TestDisk(size: 0)
        try unpack("\(try #require(samples))/\(sample.path)", to: disk.path)
        let report = try disk.report()
        #expect(words(report, like: sample.finds) == sample.finds)
        if let state = sample.state {
            let found = try #require(report.root.fileSystem)
            #expect(found.state == state, "\(found.stateReason ?? "")")
            #expect(!found.isTruncated)
        }
        if let options = sample.options {
            #expect(report.root.fileSystem?.readOnly.options == options)
        }
    }

    private func words(_ report: SourceReport, like wanted: String) -> String? {
        if wanted.hasPrefix("format:") {
            return report.container.map { "format:\($0.format ?? "")" }
        }
        if wanted.hasPrefix("table:") {
            return report.root.table.map { table in
                let numbers = table.partitions.map { "\($0.number)" }.joined(separator: ",")
                return "table:\(table.type):\(numbers)"
            }
        }
        return report.root.fileSystem?.entry.name ?? report.root.layer?.type
    }

    private func unpack(_ from: String, to path: String) throws {
        let program =
            from.hasSuffix(".xz") ? "xz -dc" : from.hasSuffix(".gz") ? "gzip -dc" : "cat"
        let (end, output) = try ChildProcess.run(
            SpawnOptions(
                path: "/bin/sh", arguments: ["-c", "\(program) \"$0\" > \"$1\"", from, path]),
            mergeErrors: true, milliseconds: 120_000)
        try #require(end.isSuccess, "\(String(decoding: output, as: UTF8.self))")
    }
}
