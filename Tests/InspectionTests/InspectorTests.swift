import Catalogue
import Testing

@testable import Inspection

@Suite struct InspectorTests {
    @Test(.enabled(if: TestDisk.has("mkfs.ext4"), "not run: no mkfs.ext4"))
    func `reads label, UUID, size and state of ext4`() throws {
        let disk = try TestDisk(size: 8 << 20)
        let uuid = "0f0f0f0f-1234-4321-abcd-00000000beef"
        try disk.make("mkfs.ext4", ["-q", "-L", "photos", "-U", uuid])
        let found = try #require(try disk.report().root.fileSystem)
        #expect(found.entry.name == "ext4")
        #expect(found.label == "photos")
        #expect(found.uuid == uuid)
        #expect(found.size == 8 << 20)
        #expect(found.state == .clean)
        #expect(!found.isTruncated)
        #expect(found.readOnly.drivers == ["ext4"])
        #expect(found.readWrite?.options == "errors=remount-ro")
    }

    @Test(.enabled(if: TestDisk.has("mkfs.ext4"), "not run: no mkfs.ext4"))
    func `sees a journal to replay and noted errors`() throws {
        let disk = try TestDisk(size: 8 << 20)
        try disk.make("mkfs.ext4", ["-q", "-O", "^metadata_csum"])
        let features = try disk.bytes(at: 1120, count: 1)[0]
        disk.write([features | 4], at: 1120)
        var found = try #require(try disk.report().root.fileSystem)
        #expect(found.state == .dirty)
        #expect(found.wouldWrite(.readOnly).contains("overlay"))
        #expect(found.wouldWrite(.write).contains("replayed journal"))
        disk.write([features], at: 1120)
        disk.write([3, 0], at: 1082)
        found = try #require(try disk.report().root.fileSystem)
        #expect(found.state == .damaged)
    }

    @Test func `a superblock with a wrong checksum is shown with a warning`() throws {
        let disk = try TestDisk(size: 8 << 20)
        disk.write(Array("LABELONE".utf8) + little(UInt64(1)), at: 512)
        disk.write(little(UInt32(0xdead_beef)) + little(UInt32(32)), at: 512 + 16)
        disk.write("LVM2 001", at: 512 + 24)
        let root = try disk.report().root
        #expect(root.layer?.type == "LVM2_member")
        #expect(root.problems == [FindingBuilder.checksumNotice])
        let entry = try #require(Catalogue.standard.fileSystem(named: "squashfs"))
        let hit = SuperblockHit(type: "squashfs", checksumWrong: true)
        let found = FindingBuilder.finding(hit, entry, try disk.window)
        #expect(found.notices == [FindingBuilder.checksumNotice])
    }

    @Test(.enabled(if: TestDisk.has("mkfs.ext4"), "not run: no mkfs.ext4"))
    func `an image that was cut is said to be truncated`() throws {
        let disk = try TestDisk(size: 8 << 20)
        try disk.make("mkfs.ext4", ["-q"])
        try disk.resize(1 << 20)
        let found = try #require(try disk.report().root.fileSystem)
        #expect(found.isTruncated)
        #expect(found.size == 8 << 20)
    }

    @Test(
        .enabled(if: TestDisk.has("mkfs.vfat"), "not run: no mkfs.vfat"),
        arguments: [("12", 2), ("16", 16), ("32", 64)] as [(String, UInt64)])
    func `knows the three kinds of FAT and their dirty bits`(_ bits: String, _ size: UInt64) throws
    {
        let disk = try TestDisk(size: size << 20)
        try disk.make("mkfs.vfat", ["-F", bits, "-n", "STICK"])
        var found = try #require(try disk.report().root.fileSystem)
        #expect(found.entry.name == "vfat")
        #expect(found.version == "FAT\(bits)")
        #expect(found.label == "STICK")
        #expect(found.size == size << 20)
        #expect(found.state == .clean)
        #expect(found.readOnly.road == .kernel)
        #expect(found.readWrite?.road == .passThrough)
        disk.write([1], at: bits == "32" ? 65 : 37)
        found = try #require(try disk.report().root.fileSystem)
        #expect(found.state == .dirty)
    }

    @Test func `squashfs without an export table takes the pass-through`() throws {
        let disk = try TestDisk(size: 1 << 20)
        disk.writeSquashfs(at: 0)
        #expect(try disk.report().root.fileSystem?.readOnly.road == .kernel)
        disk.writeSquashfs(at: 0, export: .max)
        let plan = try #require(try disk.report().root.fileSystem?.readOnly)
        #expect(plan.road == .passThrough)
        #expect(plan.roadReason != nil)
    }

    @Test func `what the driver refuses is no volume, and what it only reads is not written`()
        throws
    {
        let cramfs = try TestDisk(size: 1 << 20)
        cramfs.write([0x28, 0xcd, 0x3d, 0x45, 0, 0, 0x10, 0], at: 0)
        cramfs.write("Compressed ROMFS", at: 16)
        let report = try cramfs.report()
        #expect(report.root.fileSystem?.mountRefusal?.contains("byte order") == true)
        #expect(report.volumes.isEmpty)
        let amiga = try TestDisk(size: 1 << 20)
        amiga.write(Array("DOS".utf8) + [5], at: 0)
        var found = try #require(try amiga.report().root.fileSystem)
        #expect(found.wouldWrite(.write).contains("directory caches"))
        amiga.write([1], at: 3)
        found = try #require(try amiga.report().root.fileSystem)
        #expect(found.writeRefusal == nil)
    }

    @Test func `a size that overflows is truncated and no trap`() throws {
        let disk = try TestDisk(size: 1 << 20)
        disk.writeSquashfs(at: 0, used: .max)
        #expect(try disk.report().root.fileSystem?.isTruncated == true)
    }

    @Test func `recognises what it cannot open, and says so`() throws {
        let luks = try TestDisk(size: 1 << 20)
        luks.write(Array("LUKS".utf8) + [0xba, 0xbe, 0, 1], at: 0)
        let report = try luks.report()
        #expect(report.root.layer?.type == "crypto_LUKS")
        #expect(report.root.layer?.kind == .encryption)
        do {
            _ = try report.selectVolumes()
            Issue.record("an encrypted disk has no volumes")
        } catch {
            #expect(error.kind == .notSupported)
            #expect(error.cause.contains("LUKS"))
        }
        let swap = try TestDisk(size: 1 << 20)
        swap.write("SWAPSPACE2", at: 4086)
        swap.write(little(UInt32(1)) + little(UInt32(255)), at: 1024)
        #expect(try swap.report().root.layer?.kind == .swap)
    }

    @Test func `the catalogue's own signatures find what libblkid does not know`() throws {
        let disk = try TestDisk(size: 1 << 20)
        disk.write([0x22, 0x11, 0x19, 0x68], at: 8192)
        let found = try #require(try disk.report().root.fileSystem)
        #expect(found.entry.name == "qnx6")
        #expect(found.readOnly.options == "")
        let player = try TestDisk(size: 1 << 20)
        player.write([0x12, 0x11, 0x19, 0x68], at: 0)
        #expect(try player.report().root.fileSystem?.readOnly.options == "mmi_fs")
    }

    @Test func `an image format is reported and never entered unasked`() throws {
        let disk = try TestDisk(size: 1 << 20)
        disk.write(Array("QFI".utf8) + [0xfb, 0, 0, 0, 3], at: 0)
        let report = try disk.report()
        #expect(report.container?.format == "qcow2")
        #expect(report.root.isUnknown)
        do {
            _ = try report.selectVolumes()
            Issue.record("a container has no volumes")
        } catch {
            #expect(error.remedy.contains("--format qcow2"))
        }
        #expect(try disk.identify(format: "qcow2").format == "qcow2")
    }

    @Test func `the disk in an image is what is looked into`() throws {
        let image = try TestDisk(size: 1 << 20)
        image.write(Array("QFI".utf8) + [0xfb, 0, 0, 0, 3], at: 0)
        let disk = try TestDisk(size: 8 << 20)
        try disk.make("mkfs.ext4", ["-q", "-L", "inside"])
        let report = try Inspector().inspect(
            image.identify(format: "qcow2"), disk: disk.descriptor)
        #expect(report.root.length == 8 << 20)
        #expect(report.root.fileSystem?.label == "inside")
        #expect(try report.selectVolumes().map(\.fileSystem.name) == ["ext4"])
        #expect(try report.range(of: .whole).length == 8 << 20)
        // The host's kernel cannot mount what it cannot open.
        let probe = ProbeReport(source: report, host: HostSupport(facts: .gather()))
        let entry = try #require(report.root.fileSystem?.entry)
        #expect(probe.verdict(entry).answer == .notSupported)
        #expect(probe.text.contains("QEMU qcow2 image with a disk of 8,388,608 bytes"))
    }

    @Test func `a format that contradicts the bytes is refused`() throws {
        let disk = try TestDisk(size: 1 << 20)
        #expect(throws: InspectionError.self) { try disk.identify(format: "qcow2") }
        #expect(throws: InspectionError.self) { try disk.identify(format: "nonsense") }
    }

    @Test func `compressed files say how to decompress them`() throws {
        let disk = try TestDisk(size: 1 << 20)
        disk.write([0x1f, 0x8b, 0x08], at: 0)
        do {
            _ = try disk.report().selectVolumes()
            Issue.record("a gzip file has no volumes")
        } catch {
            #expect(error.remedy.contains("gunzip"))
        }
    }
}
