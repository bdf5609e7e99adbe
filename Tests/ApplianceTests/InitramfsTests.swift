import Platform
import Testing

@testable import Appliance

@Suite struct InitramfsTests {
    private func list(_ archive: [UInt8], in folder: TemporaryFolder) throws -> [String] {
        try Files.replace("\(folder.path)/archive", with: archive)
        let (end, output) = try ChildProcess.run(
            SpawnOptions(
                path: "/bin/sh",
                arguments: ["-c", "cd \"$1\" && cpio -it --quiet < archive", "sh", folder.path]))
        #expect(end.isSuccess)
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test(.enabled(if: Tool.find("cpio") != nil, "cpio is not installed"))
    func `the archive holds the agent and the folders it works in, for cpio too`() throws {
        let archive = try Initramfs.build(agent: [1, 2, 3], modules: ModuleSet())
        let names = try list(archive, in: try TemporaryFolder())
        #expect(
            names == [
                "dev", "dev/console", "init", "m", "p", "proc", "r", "run", "sys", "tmp", "var",
                "var/run",
            ])
    }

    @Test func `modules are listed by their paths in the guest, in order`() throws {
        let folder = try TemporaryFolder()
        try folder.write("kernel/fs/b.ko", "B")
        try folder.write("kernel/lib/a.ko", "A")
        let paths = ["\(folder.path)/kernel/lib/a.ko", "\(folder.path)/kernel/fs/b.ko"]
        let set = ModuleSet(all: paths, boot: [paths[0]], byType: ["b": [paths[1]]])
        let archive = try Initramfs.build(agent: [1], modules: set)
        let text = String(decoding: archive, as: UTF8.self)
        #expect(text.contains("modules.list\0\0/modules/a.ko\n/modules/b.ko\n"))
        #expect(text.contains("modules.boot\0\0/modules/a.ko\n\0"))
        #expect(text.contains("modules.d/b\0\0\0/modules/b.ko\n"))
        #expect(try Initramfs.build(agent: [1], modules: set) == archive)
    }

    @Test func `a compressed or missing module is an error`() {
        for path in ["/nowhere/a.ko.xz", "/nowhere/a.ko"] {
            #expect(throws: ApplianceError.self) {
                try Initramfs.build(agent: [1], modules: ModuleSet(all: [path]))
            }
        }
    }

    @Test func `built-in file systems are read from the kernel's own list`() {
        let facts = [
            "ext4.alias=fs-ext2", "ext4.alias=fs-ext4", "ext4.license=GPL", "nfsd.alias=fs-nfsd",
            "xfs.alias=fs-xfs", "loop.alias=block-major-7-*", "xfs.alias=fs-xfs", "broken",
        ]
        let modinfo: [UInt8] = facts.flatMap { Array($0.utf8) + [0 as UInt8] }
        #expect(FileSystemNames.builtIn(modinfo: modinfo) == ["ext2", "ext4", "xfs"])
        #expect(FileSystemNames.builtIn(modinfo: []) == [])
    }
}
