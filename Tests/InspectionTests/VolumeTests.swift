import Testing

@testable import Inspection

@Suite struct VolumeTests {
    private func kind(_ body: () throws(InspectionError) -> [Volume]) -> InspectionError.Kind? {
        do {
            _ = try body()
            return nil
        } catch { return error.kind }
    }

    @Test(
        arguments: [
            ("whole", []), ("0", []), ("1", [1]), ("12", [12]), ("2.1", [2, 1]),
        ] as [(String, [Int])])
    func `parses partition paths`(_ text: String, _ numbers: [Int]) {
        #expect(PartitionPath(text)?.numbers == numbers)
        #expect(PartitionPath(text)?.description == (text == "0" ? "whole" : text))
    }

    @Test(arguments: ["", "-1", "a", "1.", ".1", "1..2", "1.0", "+1", "99999999999999999999"])
    func `refuses what is no partition path`(_ text: String) {
        #expect(PartitionPath(text) == nil)
    }

    @Test func `several file systems are all chosen, or the one that is named`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeMBR([
            MBREntry(type: 0x83, start: 2048, count: 8192),
            MBREntry(type: 0x82, start: 16_384, count: 8192),
            MBREntry(type: 0x83, start: 32_768, count: 8192),
        ])
        disk.writeSquashfs(at: 2048 * 512)
        disk.writeSquashfs(at: 32_768 * 512)
        let report = try disk.report()
        #expect(try report.selectVolumes().map(\.partitionNumber) == [1, 3])
        #expect(try report.selectVolumes(partition: PartitionPath("3")).map(\.offset) == [16 << 20])
        #expect(
            kind { () throws(InspectionError) in
                try report.selectVolumes(partition: PartitionPath("2"))
            } == .noSuchVolume)
        #expect(
            kind { () throws(InspectionError) in
                try report.selectVolumes(fileSystem: "ext4")
            } == .notSupported)
        #expect(try report.selectVolumes(fileSystem: "squashfs").count == 2)
    }

    @Test func `a file system in front of a partition table is not guessed about`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeSquashfs(at: 0)
        disk.writeMBR([MBREntry(type: 0x83, start: 2048, count: 8192)])
        disk.writeSquashfs(at: 2048 * 512)
        let report = try disk.report()
        #expect(report.volumes.count == 2)
        #expect(kind { () throws(InspectionError) in try report.selectVolumes() } == .ambiguous)
        #expect(try report.selectVolumes(partition: .whole).map(\.offset) == [0])
        #expect(try report.selectVolumes(partition: PartitionPath("1")).count == 1)
    }

    @Test func `nothing usable says what was found`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeMBR([MBREntry(type: 0x8e, start: 2048, count: 8192)])
        disk.write(Array("LABELONE".utf8) + little(UInt64(1)), at: 2048 * 512 + 512)
        disk.write("LVM2 001", at: 2048 * 512 + 512 + 24)
        do {
            _ = try disk.report().selectVolumes()
            Issue.record("there is nothing to mount")
        } catch {
            #expect(error.kind == .notSupported)
            #expect(error.cause.contains("dos partition table with LVM2 physical volume"))
        }
    }
}
