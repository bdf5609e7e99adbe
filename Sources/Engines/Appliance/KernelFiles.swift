/// A kernel that is ready to be packed.
struct KernelFiles {
    /// Path of the bootable kernel.
    var kernel: String
    /// What it calls itself.
    var release: String
    /// File system types that it can mount without a module.
    var fileSystems: [String]
    /// Modules to put beside it.
    var modules = ModuleSet()
    /// What it was made from.
    var inputs: [ApplianceInput]
}

/// Modules by their paths on this host, each list in the order in which it must be loaded.
struct ModuleSet {
    /// All of them.
    var all: [String] = []
    /// Those without which nothing can be mounted.
    var boot: [String] = []
    /// Those that a file system type needs besides.
    var byType: [String: [String]] = [:]
}

/// The names of file systems that kernel files give away.
enum FileSystemNames {
    /// Types that are no file systems on a disk: they are not listed.
    static let pseudo: Set<String> = [
        "9p", "autofs", "binfmt_misc", "ceph", "cifs", "coda", "configfs", "debugfs", "efivarfs",
        "functionfs", "fuse", "fuseblk", "fusectl", "gadgetfs", "gfs2meta", "hostfs", "ibmasmfs",
        "ipathfs", "nfs", "nfs4", "nfsd", "ocfs2_dlmfs", "overlay", "rpc_pipefs", "smb3", "tracefs",
        "vboxsf", "virtiofs", "xenfs",
    ]

    /// Types built into a kernel: its `modules.builtin.modinfo` is a list of
    /// `MODULE.alias=fs-TYPE` and other facts, each with a zero byte behind it.
    static func builtIn(modinfo: [UInt8]) -> [String] {
        let names = modinfo.split(separator: 0).compactMap { fact -> String? in
            let text = String(decoding: fact, as: UTF8.self)
            guard let equals = text.firstIndex(of: "=") else { return nil }
            let value = text[text.index(after: equals)...]
            guard text[..<equals].hasSuffix(".alias"), value.hasPrefix("fs-") else { return nil }
            return String(value.dropFirst(3))
        }
        return onDisk(names)
    }

    /// Without repetitions and pseudo file systems, sorted.
    static func onDisk(_ names: [String]) -> [String] {
        Set(names).subtracting(pseudo).sorted()
    }
}
