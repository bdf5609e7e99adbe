import SCSIWire
import Testing

@Suite struct ListTests {
    @Test func `an initiator's name is written and read back`() throws {
        for session: UInt64? in [nil, 0, 0x8000_0000_0001, 0xFFFF_FFFF_FFFF] {
            for name in ["a", "iqn.2026-11.example:initiator", String(repeating: "n", count: 223)] {
                let id = SCSITransportID(name: name, session: session)
                let bytes = id.encoded
                #expect(bytes.count % 4 == 0 && bytes.count >= 24)
                let (read, length) = try bytes.withUnsafeBytes {
                    try SCSITransportID.read($0, at: 0)
                }
                #expect(read == id && length == bytes.count)
            }
        }
    }

    @Test func `names that are cut off or of another protocol are refused`() {
        let good = SCSITransportID(name: "iqn.2026-11.example:x", session: 5).encoded
        for length in 0..<good.count {
            #expect(throws: SCSISense.self) {
                try Array(good[..<length]).withUnsafeBytes { try SCSITransportID.read($0, at: 0) }
            }
        }
        for (place, byte) in [(0, UInt8(0x46)), (0, 0x85), (3, 0xFF), (3, 1), (4, 0), (4, 0xFF)] {
            var bad = good
            bad[place] = byte
            #expect(throws: SCSISense.self) {
                try bad.withUnsafeBytes { try SCSITransportID.read($0, at: 0) }
            }
        }
    }

    @Test func `names that could not be told as they came are refused`() throws {
        func read(_ text: String, format: UInt8 = 0x45) throws -> SCSITransportID {
            let content = Array(text.utf8) + [UInt8](repeating: 0, count: 20 - text.utf8.count % 4)
            let length = [UInt8(content.count >> 8), UInt8(content.count & 255)]
            let bytes = [format, 0] + length + content
            return try bytes.withUnsafeBytes { try SCSITransportID.read($0, at: 0).0 }
        }
        let longest = String(repeating: "n", count: 223)
        #expect(try read(longest, format: 0x05).name == longest)
        #expect(try read(longest + ",i,0x5").session == 5)
        for text in [longest + "n", String(repeating: "é", count: 112), ""] {
            #expect(throws: SCSISense.parameter(4)) { try read(text, format: 0x05) }
            #expect(throws: SCSISense.parameter(4)) { try read(text + ",i,0x000000000005") }
        }
        for session in ["", "+5", "-0", "5 ", "g", "1000000000000", "5,i,0x5"] {
            #expect(throws: SCSISense.parameter(4)) { try read("iqn.a:x,i,0x" + session) }
        }
    }

    @Test func `blocks that are alike are one descriptor, up to 32 bits of them`() {
        var list = SCSIBlockStatusList()
        list.append(0, count: 5, isMapped: true)
        list.append(5, count: 5, isMapped: true)
        list.append(10, count: 1 << 33, isMapped: false)
        let counts = list.descriptors.map(\.count)
        #expect(counts == [10, UInt64(UInt32.max), UInt64(UInt32.max), 2])
        #expect(list.encoded(limit: 1).count == 24)
        #expect(list.encoded(limit: 9).count == 8 + 4 * 16)
    }

    @Test func `every mode page has its length, and 1s only for what can change`() {
        for page in SCSIModePage.allCases {
            let bytes = page.encoded(SCSIModeSettings(writeCache: true))
            let mask = page.changeable(cacheCanBeOff: true)
            #expect(bytes[0] == page.rawValue && Int(bytes[1]) == bytes.count - 2)
            #expect(mask.count == bytes.count && Array(mask[..<2]) == Array(bytes[..<2]))
        }
    }

    @Test func `a mode page that is applied is the page that is read`() {
        var settings = SCSIModeSettings(writeCache: true)
        settings.writeProtect = true
        settings.descriptorSense = true
        var read = SCSIModeSettings(writeCache: false)
        for page in SCSIModePage.allCases { read = page.apply(page.encoded(settings), to: read) }
        #expect(read == settings)
    }

    @Test func `a capacity beyond 32 bits says to ask the long command`() {
        let capacity = SCSICapacity(
            blocks: 1 << 40, blockSize: 512, physicalExponent: 0, isThin: true, readsZero: true)
        #expect(capacity.short == [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 2, 0])
        #expect(capacity.long[..<8] == [0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    }

    @Test func `vital pages count their content`() {
        let designators: [SCSIDesignator] = [
            .local(5), .vendor("V", "rest"), .name("iqn.x", of: .device), .portGroup(2),
        ]
        let pages = [
            SCSIVitalPage.identification(designators), SCSIVitalPage.thirdPartyCopy,
            SCSIVitalPage.serial("abc"), SCSIVitalPage.modePolicy,
            SCSIVitalPage.ports(relative: 1, designators), SCSIBlockLimits().encoded,
        ]
        for page in pages { #expect(Int(page[2]) << 8 | Int(page[3]) == page.count - 4) }
    }
}
