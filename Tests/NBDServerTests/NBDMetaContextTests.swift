import NBDWire
import Testing

@testable import NBDServer

@Suite struct NBDMetaContextTests {
    private func query(_ queries: [String], name: String = "disk") -> [UInt8] {
        NBDMetaContextRequest(name: name, queries: queries).encoded
    }

    private func chunked() -> Talk {
        var talk = Talk()
        talk.ask(.structuredReply)
        talk.replies = []
        return talk
    }

    @Test func `contexts need structured replies first`() {
        var talk = Talk()
        #expect(talk.ask(.listMetaContext, query([])) == [.invalid])
        #expect(talk.ask(.setMetaContext, query(["base:allocation"])) == [.invalid])
    }

    @Test func `the list without queries, with a wildcard, and by name has the one context`() throws
    {
        for queries in [[], ["base:"], ["base:allocation"], ["x:y", "base:"]] {
            var talk = chunked()
            #expect(talk.ask(.listMetaContext, query(queries)) == [.metaContext, .ack])
            let context = try NBDMetaContext(decoding: talk.replies[0].data)
            #expect(context.name == "base:allocation" && context.id == 0)
        }
    }

    @Test(arguments: ["base:none", "x-us:any", "qemu:dirty-bitmap:b", "nocolon", ""])
    func `a query that matches nothing is passed over`(query text: String) {
        var talk = chunked()
        #expect(talk.ask(.listMetaContext, query([text])) == [.ack])
        #expect(talk.ask(.setMetaContext, query([text])) == [.ack])
        talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
        #expect(talk.session?.hasContext == false)
    }

    @Test func `a selected context counts for its export`() {
        var talk = chunked()
        #expect(talk.ask(.setMetaContext, query(["base:allocation"])) == [.metaContext, .ack])
        var other = talk
        other.ask(.go, NBDInfoRequest(name: "fixed").encoded)
        #expect(other.session?.hasContext == false)
        talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
        #expect(talk.session?.hasContext == true)
    }

    @Test func `selecting again replaces what was selected, even where it fails`() {
        for data in [query([]), query(["base:"]), query([], name: "none"), [1, 2, 3]] {
            var talk = chunked()
            talk.ask(.setMetaContext, query(["base:allocation"]))
            talk.ask(.setMetaContext, data)
            talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
            #expect(talk.session != nil && talk.session?.hasContext == false)
        }
    }

    @Test func `what is wrong with a request for contexts is told`() {
        var talk = chunked()
        #expect(talk.ask(.listMetaContext, query([], name: "none")) == [.unknown])
        #expect(talk.ask(.listMetaContext, [0, 0, 0, 1]) == [.invalid])
        let many = query([String](repeating: "base:", count: 65))
        #expect(talk.ask(.listMetaContext, many) == [.tooBig])
        #expect(talk.ask(.setMetaContext, many) == [.tooBig])
        #expect(talk.ending == nil)
    }

    @Test func `with extended headers a block status may have a payload`() {
        var talk = Talk()
        talk.ask(.extendedHeaders)
        #expect(talk.ask(.setMetaContext, query(["base:allocation"])) == [.metaContext, .ack])
        talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
        #expect(talk.session?.flags.contains(.blockStatusPayload) == true)
    }
}
