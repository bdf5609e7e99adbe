import Bytes
import NBDWire
import Testing

@testable import NBDServer

@Suite struct NBDHandshakeTests {
    private let unknown = NBDOption(rawValue: 77)

    @Test func `the greeting offers fixed newstyle and no zeros, nothing else`() throws {
        #expect(try NBDGreeting(decoding: NBDHandshake.greeting).flags.rawValue == 3)
    }

    @Test func `a client flag that nobody knows ends the connection`() {
        let talk = Talk(flags: NBDClientFlags(rawValue: 7))
        #expect(talk.ending != nil && talk.replies.isEmpty)
    }

    @Test func `an unknown option is refused, and the next one is heard`() {
        var talk = Talk()
        #expect(talk.ask(unknown, [1, 2, 3]) == [.unsupported])
        #expect(talk.ask(.list) == [.server, .server, .ack])
        #expect(talk.replies[0].option == unknown)
    }

    @Test func `an option without its magic number ends the connection`() {
        var talk = Talk()
        talk.say(hex("49484156454f5055 00000003 00000000"))
        #expect(talk.ending != nil && talk.replies.isEmpty)
    }

    @Test func `a client without fixed newstyle may only name an export`() {
        var talk = Talk(flags: [])
        talk.ask(.list)
        #expect(talk.ending != nil && talk.replies.isEmpty)
        var other = Talk(flags: [])
        other.ask(.exportName, Array("disk".utf8))
        #expect(other.session?.size == 1 << 20 && other.answer.count == 134)
    }

    @Test func `an export name is answered with size, flags and the zeros agreed on`() throws {
        for (flags, count) in [(NBDClientFlags.fixedNewstyle, 134), (.all, 10)] {
            var talk = Talk(flags: flags)
            talk.ask(.exportName)
            #expect(talk.answer.count == count && talk.ending == nil)
            let info = try NBDExportInfo(
                decodingAnswer: talk.answer, noZeroes: flags.contains(.noZeroes))
            #expect(info.size == 1 << 20 && info.flags == talk.session?.flags)
        }
    }

    @Test(arguments: [Array("none".utf8), [0xff], [0x64, 0]])
    func `an export name that is not there ends the connection`(name: [UInt8]) {
        var talk = Talk()
        talk.ask(.exportName, name)
        #expect(talk.ending != nil && talk.session == nil && talk.answer.isEmpty)
    }

    @Test func `the empty name means the default export, where there is one`() {
        var talk = Talk(defaultExport: "fixed")
        #expect(talk.ask(.go, NBDInfoRequest(name: "").encoded) == [.info, .ack])
        #expect(talk.session?.export == 1)
        var none = Talk(defaultExport: nil)
        #expect(none.ask(.go, NBDInfoRequest(name: "").encoded) == [.unknown])
        #expect(none.session == nil && none.ending == nil)
    }

    @Test func `abort is acknowledged, whatever data it has, and ends the connection`() {
        var talk = Talk()
        #expect(talk.ask(.abort, [1]) == [.ack])
        #expect(talk.ending != nil)
        talk.ask(.list)
        #expect(talk.replies.count == 1)
    }

    @Test func `a list names every export with its description`() throws {
        var talk = Talk()
        talk.ask(.list)
        let listed = try talk.replies.dropLast().map { try NBDListedExport(decoding: $0.data) }
        #expect(
            listed == [
                NBDListedExport(name: "disk", description: "a disk"),
                NBDListedExport(name: "fixed"),
            ])
        #expect(talk.ask(.list, [0]) == [.invalid])
        var silent = Talk(tells: false)
        #expect(silent.ask(.list) == [.policy])
    }

    @Test func `information is what was asked for, and going is the same and begins`() throws {
        var talk = Talk()
        let request = NBDInfoRequest(
            name: "disk",
            infos: [.blockSize, .name, .description, .export, NBDInfoType(rawValue: 99)])
        let types = talk.ask(.info, request.encoded)
        #expect(types == [.info, .info, .info, .info, .ack])
        let infos = try talk.replies.dropLast().map { try NBDInfo(decoding: $0.data) }
        #expect(infos.contains(.name("disk")) && infos.contains(.description("a disk")))
        #expect(infos.contains(.blockSize(.usual)) && talk.session == nil)
        let told = talk.replies
        talk.replies = []
        #expect(talk.ask(.go, request.encoded) == types)
        #expect(talk.replies.map(\.data) == told.map(\.data))
        let session = try #require(talk.session)
        #expect(infos.contains(.export(NBDExportInfo(size: 1 << 20, flags: session.flags))))
    }

    @Test func `what is wrong with a request for information is told`() {
        var talk = Talk()
        #expect(talk.ask(.info, NBDInfoRequest(name: "none").encoded) == [.unknown])
        #expect(talk.ask(.go, NBDInfoRequest(name: "none").encoded) == [.unknown])
        #expect(talk.ask(.go, [0, 0, 0, 9, 1]) == [.invalid])
        #expect(talk.ask(.go, []) == [.invalid])
        #expect(talk.session == nil && talk.ending == nil)
        #expect(talk.ask(.go, NBDInfoRequest(name: "disk").encoded) == [.info, .ack])
    }

    @Test func `sizes other than the usual are told without being asked for`() throws {
        var offer = Talk.disk
        offer.sizes.minimum = 4096
        var talk = Talk(offers: [offer])
        #expect(talk.ask(.info, NBDInfoRequest(name: "").encoded) == [.info, .info, .ack])
    }

    @Test func `flags follow from the export and from what was negotiated`() throws {
        var talk = Talk()
        talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
        let base: NBDTransmissionFlags = [
            .hasFlags, .sendFlush, .sendFUA, .sendCache, .canMultiConn, .sendWriteZeroes,
            .sendFastZero, .sendTrim,
        ]
        #expect(talk.session?.flags == base && talk.session?.style == .simple)
        var chunked = Talk()
        #expect(chunked.ask(.structuredReply) == [.ack])
        chunked.ask(.go, NBDInfoRequest(name: "disk").encoded)
        #expect(chunked.session?.flags == base.union(.sendDF))
        var fixed = Talk()
        fixed.ask(.go, NBDInfoRequest(name: "fixed").encoded)
        #expect(
            fixed.session?.flags == [
                .hasFlags, .sendFlush, .sendFUA, .sendCache, .canMultiConn, .readOnly,
            ])
    }

    @Test func `extended headers take precedence over structured replies`() {
        var talk = Talk()
        #expect(talk.ask(.structuredReply, [1]) == [.invalid])
        #expect(talk.ask(.extendedHeaders, [1]) == [.invalid])
        #expect(talk.ask(.extendedHeaders) == [.ack])
        #expect(talk.ask(.structuredReply) == [.extendedHeadersRequired])
        #expect(talk.ask(.extendedHeaders) == [.invalid])
        #expect(talk.machine.style == .extended)
        var named = talk
        named.ask(.exportName, Array("disk".utf8))
        #expect(named.ending != nil && named.session == nil)
        talk.ask(.go, NBDInfoRequest(name: "disk").encoded)
        #expect(talk.session?.style == .extended)
        #expect(talk.session?.flags.contains(.blockStatusPayload) == false)
    }

    @Test func `what follows the last option belongs to the transmission`() {
        var talk = Talk()
        talk.say(
            NBDOptionHeader.encode(.go, data: NBDInfoRequest(name: "").encoded) + [9, 8, 7])
        #expect(talk.session != nil && talk.rest == [9, 8, 7])
    }

    @Test func `options that come in pieces of any size are the same options`() {
        let bytes =
            NBDClientFlags.all.encoded + NBDOptionHeader.encode(.structuredReply)
            + NBDOptionHeader.encode(unknown, data: [1, 2, 3, 4, 5])
            + NBDOptionHeader.encode(.go, data: NBDInfoRequest(name: "disk").encoded) + [1, 2, 3]
        var whole = Talk(flags: nil)
        whole.say(bytes)
        #expect(whole.session != nil && whole.rest == [1, 2, 3])
        for cut in 1..<bytes.count {
            var talk = Talk(flags: nil)
            talk.say(Array(bytes[..<cut]))
            var rest = Array(bytes[cut...])
            if talk.session != nil { (talk.rest, rest) = (talk.rest + rest, []) }
            talk.say(rest)
            #expect(talk.replies == whole.replies && talk.session == whole.session)
            #expect(talk.rest == whole.rest)
        }
        var single = Talk(flags: nil)
        for byte in bytes.dropLast(3) { single.say([byte]) }
        #expect(single.replies == whole.replies && single.session == whole.session)
    }

    @Test func `an option with too much data is passed over, or ends the connection`() {
        var talk = Talk()
        let long = [UInt8](repeating: 7, count: NBDLimits.optionData + 1)
        #expect(talk.ask(.list, long) == [.tooBig])
        #expect(talk.ask(.structuredReply) == [.ack])
        talk.say(hex("49484156454f5054 00000006 00100001"))
        #expect(talk.ending != nil)
        var named = Talk()
        named.say(hex("49484156454f5054 00000001 00010001"))
        #expect(named.ending != nil)
    }

    @Test func `options are counted, and too many end the connection`() {
        var talk = Talk()
        for _ in 0..<NBDHandshake.optionLimit { talk.ask(unknown) }
        #expect(talk.ending == nil && talk.replies.count == NBDHandshake.optionLimit)
        talk.ask(unknown)
        #expect(talk.ending != nil)
    }

    @Test func `a server that goes away refuses options but abort`() {
        var talk = Talk()
        talk.machine.isDraining = true
        #expect(talk.ask(.list) == [.shutdown])
        #expect(talk.ask(.go, NBDInfoRequest(name: "").encoded) == [.shutdown])
        #expect(talk.ending == nil)
        var other = talk
        other.ask(.exportName)
        #expect(other.ending != nil && other.answer.isEmpty)
        #expect(talk.ask(.abort) == [.ack])
    }

    @Test func `noise never does more than end the connection`() {
        var dice = SeededGenerator(seed: 11)
        for round in 0..<3000 {
            var talk = Talk(tls: round % 3 == 0 ? .require : .off, flags: .all)
            for _ in 0..<8 {
                let count = Int.random(in: 0..<64, using: &dice)
                let noise = (0..<count).map { _ in UInt8.random(in: 0...3, using: &dice) }
                let option = NBDOption(rawValue: UInt32.random(in: 0...12, using: &dice))
                if Bool.random(using: &dice) { talk.ask(option, noise) } else { talk.say(noise) }
            }
            #expect(talk.replies.count <= 32)
        }
    }
}
