import NBDWire
import Testing

@testable import NBDServer

@Suite struct NBDHandshakeTLSTests {
    @Test func `without TLS the option is refused by policy, and nothing demands it`() {
        var talk = Talk()
        #expect(talk.ask(.startTLS) == [.policy])
        #expect(talk.ask(.list) == [.server, .server, .ack])
        #expect(!talk.asksForTLS)
    }

    @Test func `where TLS is required nothing is told before it`() {
        let data = NBDInfoRequest(name: "disk").encoded
        var talk = Talk(tls: .require)
        let options: [NBDOption] = [
            .list, .info, .go, .structuredReply, .extendedHeaders, .listMetaContext,
            .setMetaContext, NBDOption(rawValue: 99),
        ]
        for option in options { #expect(talk.ask(option, data) == [.tlsRequired]) }
        for reply in talk.replies {
            #expect(!String(decoding: reply.data, as: UTF8.self).contains("disk"))
        }
        #expect(talk.ending == nil && talk.session == nil)
        var named = talk
        named.ask(.exportName, Array("disk".utf8))
        #expect(named.ending != nil && named.answer.isEmpty)
        #expect(talk.ask(.abort) == [.ack])
    }

    @Test func `after TLS everything is told, and a second TLS is refused`() {
        var talk = Talk(tls: .require)
        #expect(talk.ask(.startTLS, [1]) == [.invalid])
        #expect(talk.ask(.startTLS) == [.ack])
        #expect(talk.asksForTLS)
        talk.machine.tlsIsUp()
        #expect(talk.ask(.startTLS) == [.invalid])
        #expect(talk.ask(.list) == [.server, .server, .ack])
        #expect(talk.ask(.go, NBDInfoRequest(name: "disk").encoded) == [.info, .ack])
    }

    @Test func `TLS forgets what was negotiated before it`() {
        var talk = Talk(tls: .on)
        #expect(talk.ask(.structuredReply) == [.ack])
        let query = NBDMetaContextRequest(name: "disk", queries: [NBDAllocation.context])
        #expect(talk.ask(.setMetaContext, query.encoded) == [.metaContext, .ack])
        #expect(talk.ask(.startTLS) == [.ack])
        talk.machine.tlsIsUp()
        #expect(talk.ask(.listMetaContext, query.encoded) == [.invalid])
        talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
        #expect(talk.session?.style == .simple && talk.session?.hasContext == false)
    }

    @Test func `where the client decides it may go on without TLS`() {
        var talk = Talk(tls: .on)
        #expect(talk.ask(.go, NBDInfoRequest(name: "disk").encoded) == [.info, .ack])
        #expect(talk.session != nil)
    }

    @Test func `bytes that were sent in the clear never count as encrypted ones`() {
        var talk = Talk(tls: .require)
        let list = NBDOptionHeader.encode(.list)
        talk.say(NBDOptionHeader.encode(.startTLS) + list)
        #expect(talk.ending != nil && talk.replies.map(\.type) == [.ack])
        #expect(talk.machine.receive(list).isEmpty)
    }

    @Test func `a client that cannot speak TLS is sent away where it is required`() {
        #expect(Talk(tls: .require, flags: []).ending != nil)
        #expect(Talk(tls: .on, flags: []).ending == nil)
    }
}
