import GuestWire
import Testing

@Suite struct PrivateLinkTests {
    @Test func `addresses are written with the highest byte first`() {
        #expect(PrivateLink.dotted(PrivateLink.host) == "10.77.0.1")
        #expect(PrivateLink.dotted(PrivateLink.guest) == "10.77.0.2")
        #expect(PrivateLink.dotted(0xffff_fffe) == "255.255.255.254")
    }

    @Test func `both ends lie in the link's network`() {
        let mask = ~UInt32(0) << UInt32(32 - PrivateLink.prefix)
        #expect(PrivateLink.host & mask == PrivateLink.guest & mask)
        #expect(PrivateLink.host != PrivateLink.guest)
    }
}
