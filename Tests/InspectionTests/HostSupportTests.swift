import Catalogue
import Platform
import Testing

@testable import Inspection

@Suite struct HostSupportTests {
    private func facts(
        registered: Set<String> = [], modules: Set<String>? = nil, refused: Set<String> = [],
        programs: [String: String] = [:], user: UInt32 = 1000, mayMount: Bool = false,
        mayLoop: Bool = false, mayFUSE: Bool = false
    ) -> HostSupport {
        HostSupport(
            facts: HostFacts(
                registered: registered, modules: modules, refusedModules: refused,
                kernelRelease: "6.1.0-test", programs: programs, user: user, mayMount: mayMount,
                mayLoop: mayLoop, mayFUSE: mayFUSE))
    }

    private func entry(_ name: String) throws -> CatalogueEntry {
        try #require(Catalogue.standard.fileSystem(named: name))
    }

    @Test func `root with a registered driver is supported`() throws {
        let host = facts(registered: ["ext4"], user: 0, mayMount: true, mayLoop: true)
        let verdict = host.verdict(try entry("ext4"), source: .file)
        #expect(verdict.answer == .supported)
        #expect(verdict.method == .kernel(type: "ext4"))
        #expect(verdict.reason.contains("/proc/filesystems"))
    }

    @Test func `a driver under another name counts`() throws {
        let host = facts(registered: ["ext4"], user: 0, mayMount: true, mayLoop: true)
        #expect(host.verdict(try entry("ext2"), source: .file).method == .kernel(type: "ext4"))
    }

    @Test func `an ordinary user needs privileges for the kernel's driver`() throws {
        let verdict = facts(registered: ["ext4"]).verdict(try entry("ext4"), source: .file)
        #expect(verdict.answer == .needsPrivileges)
        #expect(verdict.reason.contains("only root"))
    }

    @Test func `root in a container lacks the capability`() throws {
        let host = facts(registered: ["xfs"], user: 0)
        let verdict = host.verdict(try entry("xfs"), source: .blockDevice)
        #expect(verdict.answer == .needsPrivileges)
        #expect(verdict.reason.contains("CAP_SYS_ADMIN"))
    }

    @Test func `files need loop devices, block devices do not`() throws {
        let host = facts(registered: ["xfs"], user: 0, mayMount: true)
        #expect(host.verdict(try entry("xfs"), source: .file).answer == .needsPrivileges)
        #expect(host.verdict(try entry("xfs"), source: .blockDevice).answer == .supported)
    }

    @Test func `a module that can be loaded counts, one that is refused does not`() throws {
        let host = facts(modules: ["f2fs"], user: 0, mayMount: true, mayLoop: true)
        #expect(host.verdict(try entry("f2fs"), source: .file).answer == .supported)
        let refused = facts(
            modules: ["f2fs"], refused: ["f2fs"], user: 0, mayMount: true, mayLoop: true)
        let verdict = refused.verdict(try entry("f2fs"), source: .file)
        #expect(verdict.answer == .notSupported)
        #expect(verdict.reason.contains("modprobe.d"))
    }

    @Test func `a FUSE program serves an ordinary user`() throws {
        let programs = ["ntfs-3g": "/usr/bin/ntfs-3g"]
        let verdict = facts(programs: programs, mayFUSE: true)
            .verdict(try entry("ntfs"), source: .file)
        #expect(verdict.answer == .supported)
        #expect(verdict.method == .fuse(program: "/usr/bin/ntfs-3g"))
        let closed = facts(programs: programs).verdict(try entry("ntfs"), source: .file)
        #expect(closed.answer == .needsPrivileges)
        #expect(closed.reason.contains("/dev/fuse"))
    }

    @Test func `an absence names what would help`() throws {
        let none = facts().verdict(try entry("squashfs"), source: .file)
        #expect(none.answer == .notSupported)
        #expect(none.reason.contains("squashfuse"))
        #expect(none.reason.contains("no modules for kernel 6.1.0-test"))
        let tree = facts(modules: ["ext4"]).verdict(try entry("jfs"), source: .file)
        #expect(tree.reason.contains("no module jfs"))
    }

    @Test func `the route is through the guest, whatever the host can`() throws {
        let entry = try entry("ext4")
        for answer in [HostVerdict.Answer.supported, .needsPrivileges, .notSupported] {
            let verdict = HostVerdict(answer: answer, method: nil, reason: "because")
            let choice = RouteChoice(verdict, entry: entry)
            #expect(choice.route == .share)
            #expect(choice.nativeIsPossible == (answer == .supported))
            #expect(choice.nativeReason == "because")
        }
    }
}

@Suite struct HostFactsTests {
    @Test func `reads /proc/filesystems`() {
        #expect(
            HostFacts.registered("nodev\tsysfs\n\text4\nnodev\tfuse\n\tfuseblk\n") == [
                "ext4", "fuseblk",
            ])
        #expect(HostFacts.registered("") == [])
    }

    @Test func `reads module lists`() {
        let text = """
            kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz
            kernel/fs/nls/nls-utf8.ko
            kernel/fs/isofs/isofs.ko.zst:
            """
        #expect(HostFacts.moduleNames(text) == ["ext4", "nls_utf8", "isofs"])
    }

    @Test func `reads what modprobe refuses`() {
        let text = """
            # blacklist ext4
            blacklist hfs
            install	hfsplus /bin/false
            install jfs /sbin/modprobe --ignore-install jfs
            options xfs a=b
            """
        #expect(HostFacts.refusedModules(text) == ["hfs", "hfsplus"])
    }

    @Test func `reads capabilities`() {
        #expect(HostFacts.capabilities("Name:\tx\nCapEff:\t000001ffffffffff\n") == 0x1ff_ffff_ffff)
        #expect(HostFacts.capabilities("CapEff:\tnonsense") == 0)
        #expect(HostFacts.capabilities("") == 0)
    }

    @Test func `gathers this host's facts`() {
        let facts = HostFacts.gather()
        #expect(!facts.kernelRelease.isEmpty)
        #expect(!facts.registered.contains("proc"))
    }
}
