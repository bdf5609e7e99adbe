/// The modules that a modular kernel's appliance carries, by name; what they need comes with them.
enum ModuleRoots {
    /// Loaded at boot, whatever is mounted: devices, the link, the file server, the pass-through.
    static let boot = [
        "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "nfsd", "fuse",
    ]

    /// Character sets that file systems ask for by name while they mount.
    static let characterSets = [
        "nls_utf8", "nls_ascii", "nls_cp437", "nls_cp850", "nls_iso8859_1", "nls_iso8859_15",
        "mac_roman", "nls_cp932", "nls_cp936", "nls_cp949", "nls_cp950", "nls_cp1251", "nls_koi8_r",
    ]

    /// File systems on disks.
    ///
    /// What they ask for by name, their soft dependencies tell.
    static let fileSystems = [
        "ext4", "xfs", "btrfs", "f2fs", "nilfs2", "jfs", "reiserfs", "gfs2", "vfat", "msdos",
        "exfat", "ntfs3", "isofs", "udf", "squashfs", "erofs", "cramfs", "romfs", "minix", "hfs",
        "hfsplus", "adfs", "affs", "befs", "bfs", "efs", "freevxfs", "hpfs", "omfs", "qnx4", "qnx6",
        "sysv", "ufs", "overlay",
    ]

    /// File systems whose names on disk are in a character set.
    static let withCharacterSets: Set<String> = [
        "vfat", "msdos", "exfat", "ntfs3", "isofs", "udf", "hfs", "hfsplus", "jfs", "befs", "adfs",
        "affs",
    ]

    /// All of them, in the order in which they are loaded.
    static let all = boot + characterSets + fileSystems
}
