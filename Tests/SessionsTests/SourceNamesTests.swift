import Platform
import Testing

@testable import Sessions

@Suite struct SourceNamesTests {
    private func names(
        path: String = "/images/disk.img", identity: String = "64768:12", born: Int64 = 5,
        partition: DiskPart? = nil, machine: String = "host"
    ) -> SourceNames {
        SourceNames(
            path: path, identity: identity, born: born, partition: partition, machine: machine)
    }

    @Test func `each partition, and the whole, is a disk of its own`() {
        let all = [
            names(), names(partition: DiskPart(offset: 1 << 20, length: 1 << 20)),
            names(partition: DiskPart(offset: 2 << 20, length: 1 << 20)),
        ]
        #expect(Set(all.map(\.disk)).count == 3 && Set(all.map(\.folder)).count == 3)
        #expect(names() == names())
    }

    @Test func `a new file at a path is another disk, even where it got the old one's inode`() {
        #expect(names().folder != names(identity: "64768:13").folder)
        #expect(names().folder != names(born: 6).folder)
        #expect(names().disk != names(born: 6).disk)
    }

    @Test func `two hosts' disks differ`() {
        #expect(names().disk != names(machine: "other").disk)
    }

    @Test func `a file knows when it was made, or does not`() throws {
        let folder = try TemporaryFolder()
        try Files.replace("\(folder.path)/disk", with: [1])
        let file = try Files.open("\(folder.path)/disk", .readWrite)
        let born = Files.born(file)
        #expect(born >= 0)
        try Files.truncate(file, to: 100)
        #expect(Files.born(file) == born)
    }

    @Test func `a partition's iSCSI name is not its disk's`() {
        let request = ExportRequest(endpoints: [])
        let names = ExportNames(request, source: "/images/disk.img", partition: "2.1")
        #expect(names.iscsi == "iqn.2026-11.localhost.causeway:disk.img:part2.1")
        #expect(names.name == "disk.img")
    }
}
