import Platform
import Testing

@testable import Inspection

@Suite struct PartitionProbeTests {
    @Test func `reads primary and logical partitions of an MBR`() throws {
        let disk = try TestDisk(size: 64 << 20)
        disk.writeMBR([
            MBREntry(type: 0x83, start: 2048, count: 2048),
            MBREntry(type: 0x05, start: 8192, count: 65_536),
        ])
        disk.writeMBR(
            [
                MBREntry(type: 0x83, start: 2048, count: 4096),
                MBREntry(type: 0x05, start: 16_384, count: 8192),
            ], at: 8192)
        disk.writeMBR([MBREntry(type: 0x07, start: 2048, count: 4096)], at: 8192 + 16_384)
        disk.writeSquashfs(at: (8192 + 2048) * 512)
        let report = try disk.report()
        let table = try #require(report.root.table)
        #expect(table.type == "dos")
        #expect(table.partitions.map(\.number) == [1, 2, 5, 6])
        #expect(table.partitions.map(\.role) == [.primary, .extended, .logical, .logical])
        #expect(table.partitions[1].region == nil)
        #expect(table.partitions[2].offset == (8192 + 2048) * 512)
        #expect(table.partitions[2].length == 4096 * 512)
        #expect(table.partitions[3].type == "0x07")
        #expect(try report.selectVolumes().map(\.partitionNumber) == [5])
    }

    @Test func `a chain of logical partitions that is a circle ends`() throws {
        let disk = try TestDisk(size: 16 << 20)
        disk.writeMBR([MBREntry(type: 0x05, start: 2048, count: 16_384)])
        disk.writeMBR(
            [
                MBREntry(type: 0x83, start: 1, count: 16),
                MBREntry(type: 0x05, start: 0, count: 64),
            ], at: 2048)
        let table = try #require(try disk.report().root.table)
        #expect(table.partitions.count < 256)
    }

    @Test func `reads names and places of a GPT`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeGPT(
            [
                GPTEntry(first: 2048, last: 4095, name: "Wurzel ✓"),
                GPTEntry(
                    type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", first: 4096, last: 6143),
            ], sectors: 65_536)
        disk.writeSquashfs(at: 2048 * 512)
        let report = try disk.report()
        let table = try #require(report.root.table)
        #expect(table.type == "gpt")
        #expect(table.problems == [])
        #expect(table.partitions.map(\.offset) == [1 << 20, 2 << 20])
        #expect(table.partitions.map(\.length) == [1 << 20, 1 << 20])
        #expect(table.partitions[0].name == "Wurzel ✓")
        #expect(table.partitions[0].uuid == "11111111-2222-3333-4444-555555555555")
        #expect(PartitionTypes.name(table.partitions[1].type, in: "gpt") == "EFI system")
        #expect(try report.selectVolumes().map(\.partition.description) == ["1"])
    }

    @Test func `a GPT for 4,096-byte sectors sets the sector size`() throws {
        let disk = try TestDisk(size: 64 << 20)
        disk.writeGPT([GPTEntry(first: 256, last: 511)], sectors: 16_384, sectorSize: 4096)
        let report = try disk.report()
        #expect(report.geometry.logicalSector == 4096)
        #expect(report.root.table?.partitions.first?.offset == 1 << 20)
        #expect(report.root.table?.partitions.first?.length == 1 << 20)
    }

    @Test func `a GPT of a disk that was cut is read as far as it goes`() throws {
        let disk = try TestDisk(size: 4 << 20)
        disk.writeGPT(
            [
                GPTEntry(first: 2048, last: 4095), GPTEntry(first: 4096, last: 1 << 20),
                GPTEntry(first: 2 << 20, last: 3 << 20),
            ], sectors: 1 << 30)
        disk.writeSquashfs(at: 1 << 20)
        let report = try disk.report()
        let table = try #require(report.root.table)
        #expect(table.problems.first?.contains("ends after") == true)
        #expect(table.partitions[0].problem == nil)
        #expect(table.partitions[1].problem?.contains("ends past") == true)
        #expect(table.partitions[2].problem?.contains("begins past") == true)
        #expect(table.partitions[2].region == nil)
        #expect(report.volumes.count == 1)
    }

    @Test func `a GPT that claims billions of entries is not read`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeGPT(
            [GPTEntry(first: 2048, last: 4095)], sectors: 65_536, claimedEntries: 0x01ff_fff0)
        let table = try #require(try disk.report().root.table)
        #expect(table.partitions.isEmpty)
        #expect(table.problems.first?.contains("claims") == true)
    }

    @Test func `a damaged GPT is named`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeGPT([GPTEntry(first: 2048, last: 4095)], sectors: 65_536)
        disk.write([0xff], at: 1024 + 5)
        #expect(try disk.report().root.table?.problems.first?.contains("damaged") == true)
    }

    @Test func `a protective MBR without a GPT is named`() throws {
        let disk = try TestDisk(size: 32 << 20)
        disk.writeMBR([MBREntry(type: 0xee, start: 1, count: 65_535)])
        #expect(try disk.report().root.table?.problems.first?.contains("none was found") == true)
    }

    @Test func `a table inside a partition is followed`() throws {
        let disk = try TestDisk(size: 64 << 20)
        disk.writeGPT([GPTEntry(first: 4096, last: 65_535)], sectors: 131_072)
        disk.writeMBR([MBREntry(type: 0x83, start: 2048, count: 4096)], at: 4096)
        disk.writeSquashfs(at: (4096 + 2048) * 512)
        let report = try disk.report()
        let volume = try #require(try report.selectVolumes().first)
        #expect(volume.partition == PartitionPath([1, 1]))
        #expect(volume.offset == (4096 + 2048) * 512)
        #expect(volume.length == 4096 * 512)
        #expect(try report.selectVolumes(partition: PartitionPath("1.1")).count == 1)
    }

    @Test func `tables inside tables without end are not followed`() throws {
        let disk = try TestDisk(size: 64 << 20)
        for level in 0..<8 as Range<UInt64> {
            disk.writeMBR(
                [MBREntry(type: 0x83, start: 2048, count: 65_536)], at: level * 2048)
        }
        var depth = 0
        var region: Region? = try disk.report().root
        while let next = region?.table?.partitions.first?.region {
            depth += 1
            region = next
        }
        #expect(depth == Inspector.Limits.depth)
    }

    @Test func `an MBR alone is read`() throws {
        let disk = try TestDisk(size: 512)
        disk.writeMBR([MBREntry(type: 0x07, start: 2048, count: 4096)])
        let table = try #require(try disk.report().root.table)
        #expect(table.partitions.first?.problem?.contains("begins past") == true)
    }
}
