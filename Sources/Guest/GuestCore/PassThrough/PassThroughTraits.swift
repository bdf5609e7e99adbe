/// What a pass-through must know of the file system behind it.
struct PassThroughTraits: Equatable, Sendable {
    /// Whether two spellings of a name may mean the same file.
    var foldsNames: Bool
    /// Whether a file keeps its inode number while the file system is mounted.
    var keepsInodeNumbers: Bool

    /// Kernel file systems in which every spelling is another name.
    private static let exact: Set<String> = [
        "bfs", "cramfs", "ext2", "ext3", "ext4", "freevxfs", "minix", "omfs", "qnx4", "qnx6",
        "romfs", "sysv", "ufs", "v7",
    ]

    /// Kernel file systems that number inodes as they come into memory.
    private static let renumbering: Set<String> = ["exfat", "msdos", "vfat"]

    /// The traits of a kernel file system; an unknown one is treated with care.
    init(driver: String) {
        foldsNames = !Self.exact.contains(driver)
        keepsInodeNumbers = !Self.renumbering.contains(driver)
    }
}
