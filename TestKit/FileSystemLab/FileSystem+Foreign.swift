extension FileSystem {
    private static let seconds = Traits.Times.granularity(nanoseconds: 1_000_000_000)
    /// What a name of DOS and its successors must not contain.
    private static let dosForbidden = "\"*/:<>?\\|"

    private static let codePages = ["nls_cp437", "nls_utf8", "nls_iso8859-1", "nls_ascii"]

    private static func fat(
        _ bits: Int, mebibytes: Int, flags: String = "", profile: TreePlan.Profile = .standard
    ) -> FileSystem {
        FileSystem(
            "fat\(bits)", type: "vfat", mebibytes: mebibytes,
            make: "mkfs.fat -F \(bits) \(flags) \"$image\"",
            fill: bits == 32
                ? .oracle : .script("cd \"$tree\"; mcopy -s -m -Q -i \"$image\" * ::/"),
            check: "fsck.fat -n \"$image\"",
            driver: .kernel("vfat", options: "utf8", modules: codePages),
            traits: dos.with {
                $0.times = .granularity(nanoseconds: 2_000_000_000)
                $0.timeRange = 315_532_800...4_294_967_294
                $0.fileBytes = 4_294_967_295
                $0.profile = profile
                // mtools writes neither of them into long names.
                if bits != 32 {
                    $0.beyondBasicPlane = false
                    $0.forbidden += "€"
                }
            })
    }

    private static let dos = Traits.posix.with {
        $0.nameUnits = 255
        $0.nameBytes = 255
        $0.anyBytes = false
        $0.forbidden = dosForbidden
        $0.controls = false
        $0.trailingDots = false
        $0.caseSensitive = false
        $0.symlinks = false
        $0.hardLinks = false
        $0.pipes = false
        $0.modes = .none
        $0.sparse = false
    }

    static let windows: [FileSystem] = [
        fat(12, mebibytes: 31, flags: "-s 16", profile: .small), fat(16, mebibytes: 128),
        fat(32, mebibytes: 300, flags: "-s 1"),
        FileSystem(
            "exfat", mebibytes: 256, make: "mkfs.exfat \"$image\"", fill: .oracle,
            check: "fsck.exfat -n \"$image\"", driver: .program("mount.exfat-fuse"),
            traits: dos.with {
                $0.times = .none
                $0.timeRange = 315_532_800...4_294_967_294
            },
            written: dos.with {
                $0.times = .granularity(nanoseconds: 10_000_000)
                $0.timeRange = 315_532_800...4_294_967_294
            },
            large: 6 * 1024),
        FileSystem(
            "ntfs", mebibytes: 256, make: "mkntfs -q -Q -F \"$image\" 2>/dev/null", fill: .oracle,
            check: "ntfsfix -n \"$image\"", driver: .program("ntfs-3g"),
            traits: .posix.with {
                $0.nameUnits = 255
                $0.anyBytes = false
                $0.symlinks = false
                $0.pipes = false
                $0.modes = .none
                $0.times = .granularity(nanoseconds: 100)
            },
            large: 6 * 1024),
    ]

    private static let hfsPlus = Traits.posix.with {
        $0.nameUnits = 255
        $0.anyBytes = false
        $0.beyondBasicPlane = false
        $0.forbidden = ":"
        $0.caseSensitive = false
        $0.hardLinks = false
        $0.pipes = false
        $0.sparse = false
        $0.times = seconds
        $0.timeRange = 0...2_212_122_495
    }

    private static let writableHFSPlus: FileSystem = {
        var entry = FileSystem(
            "hfsplus-empty", type: "hfsplus", mebibytes: 128, make: "built in", fill: .oracle,
            check: nil, driver: .kernel("hfsplus", modules: codePages), traits: hfsPlus)
        entry.format = HFSPlusFormat.make
        return entry
    }()

    static let apple: [FileSystem] = [
        FileSystem(
            "hfs", mebibytes: 96, make: "hformat -l Lab \"$image\" >/dev/null", fill: .oracle,
            check: nil,
            driver: .kernel("hfs"),
            traits: dos.with {
                $0.nameBytes = 31
                $0.unicode = false
                $0.forbidden = ":/"
                $0.trailingDots = true
                $0.times = seconds
                $0.timeRange = 0...2_212_122_495
            }),
        FileSystem(
            "hfsplus", mebibytes: 0,
            make: """
                xorriso -as mkisofs -quiet -hfsplus -o "$image.iso" "$tree"
                set -- $(partx -g -o NAME,START,SECTORS "$image.iso" | grep HFSPLUS_Hybrid)
                dd if="$image.iso" of="$image" bs=512 skip="$2" count="$3" status=none
                rm "$image.iso"
                """,
            fill: .made, check: nil, driver: .kernel("hfsplus", modules: codePages),
            writable: false,
            traits: hfsPlus),
        writableHFSPlus,
    ]

    static let discs: [FileSystem] = [
        FileSystem(
            "iso9660-rockridge", type: "iso9660", mebibytes: 0,
            make: "genisoimage -quiet -R -D -o \"$image\" \"$tree\"", fill: .made, check: nil,
            driver: .kernel("iso9660"), writable: false,
            traits: .posix.with {
                $0.nameBytes = 253
                $0.hardLinks = false
                $0.targetBytes = 200
                $0.timeRange = 0...2_147_483_647
                $0.times = seconds
                $0.sparse = false
            }),
        FileSystem(
            "iso9660-joliet", type: "iso9660", mebibytes: 0,
            make: "genisoimage -quiet -J -joliet-long -D -o \"$image\" \"$tree\"", fill: .made,
            check: nil, driver: .kernel("iso9660", options: "iocharset=utf8", modules: codePages),
            writable: false,
            traits: dos.with {
                $0.nameUnits = 100
                $0.beyondBasicPlane = false
                $0.timeRange = 0...2_147_483_647
                $0.forbidden = "*/:;?\\"
                $0.times = seconds
            }),
        FileSystem(
            "udf", mebibytes: 128, make: "mkudffs \"$image\"", fill: .oracle,
            check: "udfinfo \"$image\" | grep -x integrity=closed",
            driver: .kernel("udf", options: "iocharset=utf8", modules: codePages),
            traits: .posix.with {
                $0.nameBytes = 254
                $0.nameUnits = 127
                $0.anyBytes = false
                $0.targetBytes = 120
                $0.times = .granularity(nanoseconds: 1000)
            },
            large: 6 * 1024),
    ]

    static let embedded: [FileSystem] = [
        FileSystem(
            "squashfs", mebibytes: 0, make: "mksquashfs \"$tree\" \"$image\" -quiet -no-progress",
            fill: .made, check: nil, driver: .kernel("squashfs"), writable: false,
            traits: .posix.with { $0.times = seconds }),
        FileSystem(
            "erofs", mebibytes: 0, make: "mkfs.erofs --quiet \"$image\" \"$tree\"", fill: .made,
            check: "fsck.erofs \"$image\"", driver: .kernel("erofs"), writable: false,
            traits: .posix.with { $0.nameBytes = 254 }),
        FileSystem(
            "cramfs", mebibytes: 0, make: "mkfs.cramfs \"$tree\" \"$image\"", fill: .made,
            check: "fsck.cramfs \"$image\"", driver: .kernel("cramfs"), writable: false,
            traits: .posix.with {
                $0.nameBytes = 252
                $0.hardLinks = false
                $0.times = .none
                $0.sparse = false
            }),
        FileSystem(
            "romfs", mebibytes: 0, make: "genromfs -f \"$image\" -d \"$tree\"", fill: .made,
            check: nil, driver: .kernel("romfs"), writable: false,
            traits: .posix.with {
                $0.nameBytes = 127
                $0.linkCounts = false
                $0.modes = .executableOnly
                $0.times = .none
                $0.sparse = false
            }),
    ]
}
