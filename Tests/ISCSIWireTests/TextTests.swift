import Testing

@testable import ISCSIWire

@Suite struct TextTests {
    @Test func `pairs keep their order, and go there and back`() throws {
        let bytes = Array("InitiatorName=iqn.x\0AuthMethod=CHAP,None\0X-a.b=\0".utf8)
        let pairs = try TextPairs(decoding: bytes)
        #expect(pairs.pairs.map(\.key) == ["InitiatorName", "AuthMethod", "X-a.b"])
        #expect(pairs["AuthMethod"] == "CHAP,None")
        #expect(pairs["X-a.b"] == "")
        #expect(pairs["authmethod"] == nil)
        #expect(pairs.bytes == bytes)
    }

    @Test(arguments: ["novalue\0", "=x\0", "1a=x\0", "a b=x\0", "a/b=x\0"])
    func `what is no pair is refused`(_ text: String) {
        #expect(throws: ISCSIWireError.self) { try TextPairs(decoding: Array(text.utf8)) }
    }

    @Test func `names, values, pairs and texts have bounds`() {
        let name = String(repeating: "k", count: 64) + "=v\0"
        #expect(throws: ISCSIWireError.self) { try TextPairs(decoding: Array(name.utf8)) }
        let value = "k=" + String(repeating: "v", count: TextPairs.Limits.value + 1)
        #expect(throws: ISCSIWireError.self) { try TextPairs(decoding: Array(value.utf8)) }
        let many = String(repeating: "k=v\0", count: TextPairs.Limits.keys + 1)
        #expect(throws: ISCSIWireError.tooManyKeys(limit: 64)) {
            try TextPairs(decoding: Array(many.utf8))
        }
        let long = [UInt8](repeating: 0, count: TextPairs.Limits.bytes + 1)
        #expect(throws: ISCSIWireError.self) { try TextPairs(decoding: long) }
        #expect(throws: ISCSIWireError.textSyntax) {
            try TextPairs(decoding: [0x61, 0x3D, 0xFF, 0])
        }
    }

    @Test func `numbers are decimal or hexadecimal, without signs`() {
        #expect(TextValue.number("262144") == 262_144)
        #expect(TextValue.number("0xFf") == 255)
        for text in ["", "-1", "+1", "0x", "1 ", "99999999999999999999", "0x-1", "1e3"] {
            #expect(TextValue.number(text) == nil)
        }
    }

    @Test func `binary values are hexadecimal or Base64`() {
        #expect(TextValue.binary("0x0aFF", limit: 16) == [0x0A, 0xFF])
        #expect(TextValue.binary("0xaFF", limit: 16) == [0x0A, 0xFF])
        // RFC 4648, 10.
        #expect(TextValue.binary("0bZm9vYmE=", limit: 16) == Array("fooba".utf8))
        #expect(TextValue.binary("0BZm9vYg==", limit: 16) == Array("foob".utf8))
        #expect(TextValue.encode([0, 0xA5]) == "0x00a5")
        for text in [
            "", "0x", "0b", "ff", "0xfg", "0bZm9", "0bZm9vYh==", "0b====", "0bZm=v", "0bZm9v YmE",
        ] {
            #expect(TextValue.binary(text, limit: 16) == nil, "\(text)")
        }
        #expect(TextValue.binary("0x" + String(repeating: "ab", count: 17), limit: 16) == nil)
    }

    @Test func `lists have no empty items and an end`() {
        #expect(TextValue.list("CRC32C,None") == ["CRC32C", "None"])
        #expect(TextValue.list("") == nil)
        #expect(TextValue.list("a,,b") == nil)
        #expect(TextValue.list(String(repeating: "a,", count: 70) + "a") == nil)
    }

    @Test func `names of nodes have one of three forms, in lower case`() {
        #expect(
            ISCSIName("IQN.2001-04.com.Example:Disk")?.description == "iqn.2001-04.com.example:disk"
        )
        #expect(ISCSIName("eui.02004567A425678D") != nil)
        #expect(ISCSIName("naa.62004567BA64678D0123456789ABCDEF") != nil)
        for text in [
            "", "iqn.", "iqn.2001-4.com", "iqn.20a1-04.com.x", "iqn.2001-04.com.x y", "eui.123",
            "eui.02004567A425678G", "naa.1234", "http://x", "iqn.2001-04.com.x\0y",
            "iqn.2001-04.com." + String(repeating: "x", count: 224),
        ] {
            #expect(ISCSIName(text) == nil, "\(text)")
        }
    }

    @Test func `serial numbers wrap`() {
        #expect(SerialNumber.isLess(0xFFFF_FFFF, 0))
        #expect(!SerialNumber.isLess(0, 0xFFFF_FFFF))
        #expect(SerialNumber.isWithin(1, 0xFFFF_FFF0, 5))
        #expect(!SerialNumber.isWithin(6, 0xFFFF_FFF0, 5))
        #expect(!SerialNumber.isWithin(9, 9, 8))
    }
}
