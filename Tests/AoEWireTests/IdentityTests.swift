import AoEWire
import Testing

@Suite struct IdentityTests {
    private func identity(
        sectors: UInt64, cache: Bool = false, physical: UInt32 = 512
    ) -> ATAIdentity {
        ATAIdentity(
            sectors: sectors, serial: "0123456789abcdef", model: "Causeway AoE disk",
            firmware: "1.0", hasWriteCache: cache, physicalSectorSize: physical)
    }

    private func word(_ bytes: [UInt8], _ index: Int) -> Int {
        Int(bytes[2 * index]) | Int(bytes[2 * index + 1]) << 8
    }

    private func number(_ bytes: [UInt8], _ index: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(word(bytes, index + $1)) << (16 * UInt64($1)) }
    }

    private func text(_ bytes: [UInt8], _ index: Int, _ count: Int) -> String {
        var swapped: [UInt8] = []
        for place in index..<index + count {
            swapped.append(bytes[2 * place + 1])
            swapped.append(bytes[2 * place])
        }
        return String(decoding: swapped, as: UTF8.self)
    }

    @Test(arguments: [1, 2048, 0x0fff_ffff, 0x1000_0000, 1 << 40, 0xffff_ffff_ffff] as [UInt64])
    func `512 bytes that sum up to nothing tell the capacity`(sectors: UInt64) {
        let bytes = identity(sectors: sectors).encoded
        #expect(bytes.count == 512)
        #expect(bytes.reduce(0, &+) == 0 && bytes[510] == 0xa5)
        #expect(number(bytes, 100, 4) == sectors)
        #expect(number(bytes, 60, 2) == min(sectors, 0x0fff_ffff))
        #expect(word(bytes, 1) == Int(min(sectors / 1008, 16_383)))
        #expect(number(bytes, 57, 2) == UInt64(word(bytes, 1)) * 1008)
    }

    @Test func `names are padded, their letters swapped, and cut where they are too long`() {
        var identity = identity(sectors: 8)
        #expect(text(identity.encoded, 10, 10) == "0123456789abcdef    ")
        #expect(text(identity.encoded, 23, 4) == "1.0     ")
        identity.model = String(repeating: "x", count: 60)
        identity.serial = "ü"
        #expect(text(identity.encoded, 27, 20) == String(repeating: "x", count: 40))
        #expect(text(identity.encoded, 10, 10).hasPrefix("??  "))
    }

    @Test func `the write cache and physical sectors are told as they are`() {
        let plain = identity(sectors: 8).encoded
        let other = identity(sectors: 8, cache: true, physical: 4096).encoded
        for place in [82, 85] {
            #expect(word(plain, place) & 0x20 == 0 && word(other, place) & 0x20 != 0)
        }
        #expect(word(plain, 106) == 0x4000 && word(other, 106) == 0x6003)
        // LBA48 and both flushes, in what is supported and in what is on.
        #expect(word(plain, 83) & 0x3400 == 0x3400 && word(plain, 86) & 0x3400 == 0x3400)
    }
}
