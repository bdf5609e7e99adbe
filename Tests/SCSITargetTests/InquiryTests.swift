import BlockDevice
import SCSITarget
import SCSIWire
import Testing

@Suite struct InquiryTests {
    @Test func `standard data name a disk of SPC-4 and SBC-3`() throws {
        let bench = try Bench {
            $0.vendor = "CAUSEWAY"; $0.product = "Test"; $0.revision = "7"
        }
        let data = bench.send(CDB.inquiry()).data
        #expect(data.count == 96)
        #expect(data[0] == 0 && data[1] == 0)
        #expect(data[2] == 6 && data[3] & 0x0F == 2)
        #expect(Int(data[4]) == data.count - 5)
        #expect(String(decoding: data[8..<36], as: UTF8.self) == "CAUSEWAYTest            7   ")
        let standards = (0..<8).map { UInt16(data[58 + $0 * 2]) << 8 | UInt16(data[59 + $0 * 2]) }
        #expect(standards.contains(0x0460) && standards.contains(0x04C0))
    }

    @Test(arguments: Array(0...130)) func `an answer is cut where the allocation length says so`(
        length: UInt16
    ) throws {
        let bench = try Bench()
        let answer = bench.send(CDB.inquiry(length: length))
        #expect(answer.isGood)
        #expect(answer.count == min(96, Int(length)))
    }

    @Test func `a page code without EVPD is refused`() throws {
        let answer = try Bench().send([0x12, 0, 1, 1, 0, 0])
        #expect(answer.sense == 0x05_2400)
        #expect(answer.rawSense[15...17] == [0xCF, 0, 2])
    }

    @Test func `a page that is not there is refused`() throws {
        #expect(try Bench().send(CDB.inquiry(page: 0x55)).sense == 0x05_2400)
    }

    @Test func `the list of pages ascends, and every page on it can be read`() throws {
        let bench = try Bench()
        let list = bench.send(CDB.inquiry(page: 0)).data
        let pages = Array(list[4...])
        #expect(pages == pages.sorted() && Set(pages).count == pages.count)
        #expect(Set(pages).isSuperset(of: [0, 0x80, 0x83, 0x86, 0x8F, 0xB0, 0xB1, 0xB2]))
        for page in pages {
            let data = bench.send(CDB.inquiry(page: page)).data
            #expect(data[1] == page)
            #expect(Int(data[2]) << 8 + Int(data[3]) == data.count - 4)
        }
    }

    @Test func `names stay the same for the same identity, and differ for another`() throws {
        func names(_ identity: String) throws -> [UInt8] {
            try Bench { $0.identity = identity }.send(CDB.inquiry(page: 0x83)).data
        }
        #expect(try names("a") == names("a"))
        #expect(try names("a") != names("b"))
        let first = try names("a")
        // NAA of type 3, eight bytes, binary, of the unit.
        #expect(first[4...7] == [0x01, 0x03, 0, 8])
        #expect(first[8] >> 4 == 3)
    }

    @Test func `the port and the target are named as iSCSI does`() throws {
        let data = try Bench().send(CDB.inquiry(page: 0x83)).data
        let text = String(decoding: data, as: UTF8.self)
        #expect(text.contains("\(Bench.name),t,0x0001\0"))
        #expect(text.contains("naa.3"))
    }

    @Test func `block limits are those that commands keep`() throws {
        let bench = try Bench(TestDevice(blocks: 1 << 20)) { $0.transferLimit = 1 << 20 }
        let page = bench.send(CDB.inquiry(page: 0xB0)).data
        #expect(page.count == 64)
        #expect(page[5] == 255)
        #expect(Array(page[8..<12]) == CDB.big(2048, 4))
        #expect(bench.send(CDB.ten(0x28, 0, 2048), take: 1 << 20).isGood)
        #expect(bench.send(CDB.ten(0x28, 0, 2049), take: 1 << 20).sense == 0x05_2400)
        #expect(Array(page[20..<24]) == [0xFF, 0xFF, 0xFF, 0xFF])
        let writeSame = page[36..<44].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let block = Bench.block(0)
        let most = UInt32(writeSame)
        #expect(bench.send(CDB.sixteen(0x93, 0, most), block).isGood)
        #expect(bench.send(CDB.sixteen(0x93, 0, most + 1), block).sense == 0x05_2400)
    }

    @Test func `a disk without trims tells no unmapping anywhere`() throws {
        let bench = try Bench(TestDevice([.write]))
        #expect(bench.send(CDB.inquiry(page: 0xB2)).data[5] == 0)
        #expect(bench.send([0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32]).data[14] == 0)
        #expect(bench.send(CDB.inquiry(page: 0xB0)).data[20..<28].allSatisfy { $0 == 0 })
        #expect(bench.send(CDB.ten(0x42, 0, 0)).sense == 0x05_2000)
        let writeSame = CDB.sixteen(0x93, 0, 1, flags: 0x08)
        #expect(bench.send(writeSame, Bench.block(0)).sense == 0x05_2400)
    }

    @Test func `a number without a unit answers INQUIRY, REPORT LUNS and REQUEST SENSE only`()
        throws
    {
        let bench = try Bench()
        let lun = SCSITarget.lun(5)
        #expect(bench.send(CDB.inquiry(), lun: lun).data.first == 0x7F)
        #expect(bench.send(CDB.inquiry(page: 0), lun: lun).sense == 0x05_2500)
        #expect(bench.send([0xA0, 0, 0, 0, 0, 0, 0, 0, 1, 0], lun: lun).data.count == 16)
        let sense = bench.send([0x03, 0, 0, 0, 252], lun: lun)
        #expect(sense.isGood && Bench.sense(sense.data) == 0x05_2500)
        #expect(bench.send([0x00], lun: lun).sense == 0x05_2500)
        #expect(bench.send([0xFF], lun: lun).sense == 0x05_2500)
    }

    @Test func `REPORT LUNS tells what the select report asks for`() throws {
        let bench = try Bench()
        let other = SCSIUnitConfiguration(device: TestDevice(), identity: "other")
        try bench.target.add(other, lun: SCSITarget.lun(300))
        func luns(_ select: UInt8) -> Bench.Answer {
            bench.send([0xA0, 0, select, 0, 0, 0, 0, 0, 1, 0])
        }
        #expect(Array(luns(0).data[..<16]) == CDB.big(16, 4) + CDB.big(0, 12))
        #expect(Array(luns(0).data[16...]) == [0x41, 0x2C, 0, 0, 0, 0, 0, 0])
        #expect(luns(1).data == CDB.big(0, 8))
        #expect(luns(2).data.count == 24)
        #expect(luns(3).sense == 0x05_2400)
    }

    @Test func `capacities agree, and the long one tells blocks and provisioning`() throws {
        let bench = try Bench(TestDevice(blocks: 1000, physical: 4096))
        #expect(bench.send([0x25]).data == CDB.big(999, 4) + CDB.big(512, 4))
        let long = bench.send([0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32]).data
        #expect(long.count == 32)
        #expect(Array(long[..<12]) == CDB.big(999, 8) + CDB.big(512, 4))
        #expect(long[12] == 0 && long[13] == 3 && long[14] == 0xC0)
    }

    @Test(arguments: Array(0...15)) func `READ CAPACITY is cut too`(length: UInt8) throws {
        let answer = try Bench().send([0x9E, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, length])
        #expect(answer.isGood && answer.count == Int(length))
    }

    @Test func `an address for READ CAPACITY needs PMI, which is not offered`() throws {
        let bench = try Bench()
        #expect(bench.send([0x25, 0, 0, 0, 0, 1]).sense == 0x05_2400)
        #expect(bench.send([0x25, 0, 0, 0, 0, 0, 0, 0, 1]).sense == 0x05_2400)
    }
}
