import Bytes
import Testing

@Suite struct HexadecimalTests {
    @Test func `every byte has two digits`() {
        #expect([0, 1, 0x0f, 0x10, 0xab, 0xff].hexadecimal == "00010f10abff")
        #expect([UInt8]().hexadecimal == "")
    }
}
