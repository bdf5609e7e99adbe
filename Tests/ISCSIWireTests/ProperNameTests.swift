import ISCSIWire
import Testing

@Suite struct ProperNameTests {
    @Test(arguments: [
        "iqn.2026-11.localhost.causeway:disk.img", "iqn.2001-04.com.example",
        "iqn.2001-12.com.ex-ample:a:b", "eui.02004567a425678d", "naa.52004567ba64678d",
    ])
    func `a name by the letter is one`(name: String) { #expect(ISCSIName.isProper(name)) }

    @Test(arguments: [
        "iqn.2026-13.com.example:x", "iqn.2026-00.com.example:x", "iqn.2026-11.com.example/x",
        "iqn.2026-11.com.example:ü", "iqn.2026-11.com.Example:x", "iqn.2026-11.com..example:x",
        "iqn.2026-11.-com:x", "iqn.2026-11.:x", "iqn.2026-11.com.example:a_b", "disk",
    ])
    func `one that only some would take is none`(name: String) {
        #expect(!ISCSIName.isProper(name))
    }
}
