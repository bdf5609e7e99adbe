import Catalogue
import Testing

@testable import Inspection

@Suite struct StateReaderTests {
    private func state(_ reader: StateReader, _ volume: TestVolume) -> VolumeState {
        StateReaders.state(reader, volume.read).state
    }

    private func f2fs(flags: [UInt32]) -> TestVolume {
        var volume = TestVolume(size: 1100 * 4096)
        volume.put(little(UInt32(12)), at: 1024 + 16)
        volume.put(little(UInt32(9)), at: 1024 + 20)
        volume.put(little(UInt32(2)), at: 1024 + 76)
        for (index, flags) in flags.enumerated() {
            let pack = (2 + index * 512) * 4096
            for block in [0, 2] { volume.put(little(UInt64(5 + index)), at: pack + block * 4096) }
            volume.put(little(flags), at: pack + 132)
            volume.put(little(UInt32(3)), at: pack + 136)
        }
        return volume
    }

    @Test func `F2FS believes the newer checkpoint`() {
        #expect(state(.f2fs, f2fs(flags: [0, 1])) == .clean)
        #expect(state(.f2fs, f2fs(flags: [1, 0])) == .dirty)
        #expect(state(.f2fs, f2fs(flags: [1, 0x11])) == .damaged)
        #expect(state(.f2fs, f2fs(flags: [])) == .unknown)
        var torn = f2fs(flags: [0, 1])
        torn.put(little(UInt64(99)), at: (2 + 512 + 2) * 4096)
        #expect(state(.f2fs, torn) == .dirty)
    }

    @Test func `NILFS2 believes the superblock with the later checkpoint`() {
        var volume = TestVolume(size: 1 << 20)
        volume.put(little(UInt64(1 << 20)), at: 1024 + 32)
        volume.put(little(UInt64(1)), at: 1024 + 56)
        #expect(state(.nilfs2, volume) == .dirty)
        let second = (1 << 20) - 4096
        volume.put(little(UInt16(0x3434)), at: second + 6)
        volume.put(little(UInt64(2)), at: second + 56)
        volume.put(little(UInt16(1)), at: second + 116)
        #expect(state(.nilfs2, volume) == .clean)
        volume.put(little(UInt16(3)), at: second + 116)
        #expect(state(.nilfs2, volume) == .damaged)
    }

    private func ntfs(flags: UInt16) -> TestVolume {
        var volume = TestVolume(size: 1 << 16)
        volume.put(little(UInt16(512)), at: 11)
        volume.put([8], at: 13)
        volume.put(little(UInt64(2)), at: 48)
        volume.put([UInt8(bitPattern: -10)], at: 64)
        let record = 2 * 4096 + 3 * 1024
        volume.put(Array("FILE".utf8), at: record)
        volume.put(little(UInt16(56)), at: record + 20)
        volume.put(little(UInt32(0x10)) + little(UInt32(48)), at: record + 56)
        volume.put(little(UInt32(0x70)) + little(UInt32(40)), at: record + 104)
        volume.put(little(UInt16(24)), at: record + 104 + 20)
        volume.put(little(flags), at: record + 104 + 24 + 10)
        volume.put(little(UInt32.max), at: record + 144)
        return volume
    }

    @Test func `NTFS shows its dirty flag`() {
        #expect(state(.ntfs, ntfs(flags: 0)) == .clean)
        #expect(state(.ntfs, ntfs(flags: 0x8001)) == .dirty)
        var circle = ntfs(flags: 0)
        circle.put(little(UInt32(0)), at: 2 * 4096 + 3 * 1024 + 60)
        #expect(state(.ntfs, circle) == .unknown)
        var far = ntfs(flags: 0)
        far.put(little(UInt64.max), at: 48)
        #expect(state(.ntfs, far) == .unknown)
    }

    private func udf(_ type: UInt32, next: UInt32 = 0) -> TestVolume {
        var volume = TestVolume(size: 1 << 20)
        let anchor = 256 * 2048
        volume.put(little(UInt16(2)), at: anchor)
        volume.put(little(UInt32(256)), at: anchor + 12)
        volume.put(little(UInt32(32768)) + little(UInt32(260)), at: anchor + 16)
        volume.put(little(UInt16(1)), at: 260 * 2048)
        volume.put(little(UInt16(6)), at: 261 * 2048)
        volume.put(little(UInt32(8192)) + little(UInt32(300)), at: 261 * 2048 + 432)
        volume.put(little(UInt16(9)), at: 300 * 2048)
        volume.put(little(type) + little(next) + little(UInt32(300)), at: 300 * 2048 + 28)
        return volume
    }

    @Test func `UDF shows whether its last integrity descriptor is closed`() {
        #expect(state(.udf, udf(1)) == .clean)
        #expect(state(.udf, udf(0)) == .dirty)
        var later = udf(0)
        later.put(little(UInt16(9)), at: 301 * 2048)
        later.put(little(UInt32(1)), at: 301 * 2048 + 28)
        #expect(state(.udf, later) == .clean)
        #expect(state(.udf, TestVolume(size: 1 << 20)) == .unknown)
    }

    @Test func `UDF that the driver does not write is told`() {
        #expect(StateReaders.state(.udf, udf(1).read).refusesWriting == nil)
        var fixed = udf(1)
        fixed.put(little(UInt16(5)), at: 260 * 2048)
        fixed.put(little(UInt32(1)), at: 260 * 2048 + 184)
        #expect(StateReaders.state(.udf, fixed.read).refusesWriting != nil)
        fixed.put(little(UInt32(4)), at: 260 * 2048 + 184)
        #expect(StateReaders.state(.udf, fixed.read).refusesWriting == nil)
        var bluRay = udf(1)
        bluRay.put(little(UInt32(2)), at: 261 * 2048 + 268)
        bluRay.put([1, 6, 0, 0, 0, 0, 2, 64, 0, 0, 0], at: 261 * 2048 + 440)
        bluRay.put(Array("*UDF Metadata Partition".utf8), at: 261 * 2048 + 440 + 11)
        let refusal = StateReaders.state(.udf, bluRay.read).refusesWriting
        #expect(refusal == "it has a metadata partition")
        bluRay.put([0], at: 261 * 2048 + 441)
        #expect(StateReaders.state(.udf, bluRay.read).refusesWriting == nil)
    }

    @Test func `a circle of UDF extents ends`() {
        #expect(state(.udf, udf(1, next: 8192)) == .clean)
    }

    /// A log of 64 sectors at block 8 of 4 KiB; the first `head` sectors are of cycle 2, a record
    /// of one operation ends there.
    private func xfs(head: Int, flags: UInt8, operations: UInt32 = 1) -> TestVolume {
        var volume = TestVolume(size: 1 << 18)
        volume.put(big(UInt64(8)), at: 48)
        volume.put(big(UInt32(64)), at: 84)
        volume.put(big(UInt32(8)), at: 96)
        volume.put([12], at: 120)
        volume.put([6], at: 124)
        for sector in 0..<64 {
            volume.put(big(UInt32(sector < head ? 2 : 1)), at: 32768 + sector * 512)
        }
        let record = 32768 + (head + 62) % 64 * 512
        let cycle = UInt32(head == 1 ? 1 : 2)
        volume.put(big(UInt32(0xfeed_babe)) + big(cycle) + big(UInt32(2)), at: record)
        volume.put(big(UInt32(512)), at: record + 12)
        volume.put(big(operations), at: record + 40)
        let data = 32768 + (head + 63) % 64 * 512
        volume.put([flags], at: data + 9)
        return volume
    }

    @Test(arguments: [2, 3, 31, 63, 64, 1])
    func `an XFS log that ends with an unmount record is clean`(_ head: Int) {
        #expect(state(.xfs, xfs(head: head, flags: 0x20)) == .clean)
        #expect(state(.xfs, xfs(head: head, flags: 0x02)) == .dirty)
        #expect(state(.xfs, xfs(head: head, flags: 0x20, operations: 2)) == .dirty)
    }

    @Test func `an XFS log elsewhere or out of range is unknown`() {
        var external = xfs(head: 5, flags: 0x20)
        external.put(big(UInt64(0)), at: 48)
        #expect(state(.xfs, external) == .unknown)
        var far = xfs(head: 5, flags: 0x20)
        far.put(big(UInt64.max), at: 48)
        #expect(state(.xfs, far) == .unknown)
        var huge = xfs(head: 5, flags: 0x20)
        huge.put(big(UInt32.max), at: 96)
        #expect(state(.xfs, huge) == .unknown)
        #expect(state(.xfs, TestVolume(size: 512)) == .unknown)
    }
}
