extension FileSystem {
    /// Every file system that the product promises, each made by its real mkfs.
    public static let table: [FileSystem] = linux + windows + apple + discs + embedded

    /// The entry with a name.
    public static func named(_ name: String) throws -> FileSystem {
        guard let entry = table.first(where: { $0.name == name }) else {
            throw LabError("no file system \(name) in the table")
        }
        return entry
    }

    private static let seconds = Traits.Times.granularity(nanoseconds: 1_000_000_000)
    private static let signed32: ClosedRange<Int64> = 0...2_147_483_647
    private static let unsigned32: ClosedRange<Int64> = 0...4_294_967_295

    private static func ext(_ name: String) -> FileSystem {
        FileSystem(
            name, mebibytes: 192, make: "mke2fs -q -F -t \(name) -d \"$tree\" \"$image\"",
            fill: .made, check: "e2fsck -fn \"$image\"", driver: .kernel(name),
            own: ["lost+found"],
            traits: .posix.with {
                $0.times = seconds
                $0.timeRange = signed32
                $0.attributes = true
            },
            written: .posix.with {
                $0.timeRange = signed32
                $0.attributes = true
            },
            large: 6 * 1024)
    }

    static let linux: [FileSystem] = [
        ext("ext2"), ext("ext3"), ext("ext4"),
        FileSystem(
            "xfs", mebibytes: 320, make: "mkfs.xfs -q -f \"$image\"", fill: .oracle,
            check: "xfs_repair -n -f \"$image\"", driver: .kernel("xfs"),
            traits: .posix.with { $0.attributes = true }, large: 6 * 1024),
        FileSystem(
            "btrfs", mebibytes: 320, make: "mkfs.btrfs -q \"$image\"", fill: .oracle,
            check: "btrfs check --readonly \"$image\"", driver: .kernel("btrfs"),
            traits: .posix.with { $0.attributes = true }, large: 6 * 1024),
        FileSystem(
            "f2fs", mebibytes: 256, make: "mkfs.f2fs -q \"$image\"", fill: .oracle,
            check: """
                fsck.f2fs --dry-run "$image" >"$image.log"; ! grep -F '[Fail]' "$image.log"
                rm "$image.log"
                """,
            driver: .kernel("f2fs"), traits: .posix.with { $0.attributes = true },
            large: 6 * 1024),
        FileSystem(
            "nilfs2", mebibytes: 256, make: "mkfs.nilfs2 -q \"$image\"", fill: .oracle, check: nil,
            driver: .kernel("nilfs2"), own: [".nilfs"], large: 6 * 1024),
        FileSystem(
            "jfs", mebibytes: 128, make: "mkfs.jfs -q \"$image\"", fill: .oracle,
            check: "fsck.jfs -n -f \"$image\" | grep -F 'Filesystem is clean'",
            driver: .kernel("jfs", options: "iocharset=utf8", modules: ["nls_utf8"]),
            traits: .posix.with {
                $0.anyBytes = false
                $0.beyondBasicPlane = false
                $0.timeRange = unsigned32
                $0.attributes = true
            },
            large: 6 * 1024),
        FileSystem(
            "reiserfs", mebibytes: 128, make: "mkreiserfs -q -ff \"$image\"", fill: .oracle,
            check: "reiserfsck --check -q -y \"$image\"", driver: .kernel("reiserfs"),
            traits: .posix.with {
                $0.times = seconds
                $0.timeRange = unsigned32
            },
            large: 6 * 1024),
        minix("minix3", "-3", nameBytes: 60, files: 2_147_483_647, profile: .standard),
        minix("minix1", "-1 -n 30", nameBytes: 30, files: 268_435_456, profile: .small),
    ]

    private static func minix(
        _ name: String, _ flags: String, nameBytes: Int, files: UInt64,
        profile: TreePlan.Profile
    ) -> FileSystem {
        FileSystem(
            name, type: "minix", mebibytes: 62, make: "mkfs.minix \(flags) \"$image\"",
            fill: .oracle, check: "fsck.minix -f \"$image\"", driver: .kernel("minix"),
            traits: .posix.with {
                $0.nameBytes = nameBytes
                $0.times = seconds
                $0.timeRange = unsigned32
                $0.fileBytes = files
                $0.profile = profile
            })
    }
}
