import Platform
import Testing

@testable import Appliance

@Suite struct KernelModulesTests {
    private func index(_ folder: TemporaryFolder) throws -> KernelModules {
        try folder.write(
            "modules.dep",
            """
            kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/fs/mbcache.ko kernel/lib/crc16.ko
            kernel/fs/jbd2/jbd2.ko: kernel/lib/crc16.ko
            kernel/fs/mbcache.ko:
            kernel/lib/crc16.ko:
            kernel/crypto/crc32c_generic.ko:
            kernel/arch/x86/crypto/crc32c-intel.ko:
            kernel/a.ko: kernel/b.ko
            kernel/b.ko: kernel/a.ko

            """)
        try folder.write(
            "modules.alias",
            """
            alias fs-ext4 ext4
            alias fs-ext2 ext4
            alias crypto-crc32c crc32c_generic
            alias crypto-crc32c crc32c-intel
            alias pci:v0000*d1* ext4

            """)
        try folder.write("modules.softdep", "softdep ext4 pre: crypto-crc32c post: a\n")
        return try KernelModules(folder: folder.path)
    }

    private func names(_ paths: [String]) -> [String] { paths.map(KernelModules.name) }

    @Test func `what a module needs comes before it, once`() throws {
        let modules = try index(try TemporaryFolder())
        let order = names(modules.closure(of: ["ext4", "jbd2", "mbcache"]))
        #expect(order == ["crc32c_generic", "crc32c_intel", "crc16", "mbcache", "jbd2", "ext4"])
    }

    @Test func `a root that the kernel lacks adds nothing`() throws {
        let modules = try index(try TemporaryFolder())
        #expect(modules.closure(of: ["ntfs3", "crc16"]).map(KernelModules.name) == ["crc16"])
    }

    @Test func `a circle ends`() throws {
        let modules = try index(try TemporaryFolder())
        #expect(Set(names(modules.closure(of: ["a"]))) == ["a", "b"])
    }

    @Test func `file system types are known by their aliases`() throws {
        let modules = try index(try TemporaryFolder())
        let all = modules.closure(of: ["ext4"])
        #expect(modules.fileSystems(of: all) == ["ext4": "ext4", "ext2": "ext4"])
        #expect(modules.fileSystems(of: []).isEmpty)
    }

    @Test func `a folder without indexes is an error`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ApplianceError.self) { try KernelModules(folder: folder.path) }
    }
}
