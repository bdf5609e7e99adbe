import ISCSIWire
import Testing

@testable import ISCSITarget

@Suite struct NegotiationTests {
    static func negotiate(
        _ pairs: [(String, String)], isDiscovery: Bool = false,
        offer: ISCSISessionOffer = ISCSISessionOffer()
    ) throws -> (answers: TextPairs, parameters: SessionParameters) {
        var negotiation = Negotiation(offer: offer, isDiscovery: isDiscovery)
        var answers = TextPairs()
        try negotiation.answer(pairs.map { TextPairs.Pair($0.0, $0.1) }, into: &answers)
        return (answers, negotiation.parameters)
    }

    @Test(arguments: [
        ("HeaderDigest", "CRC32C,None", "CRC32C"), ("HeaderDigest", "None,CRC32C", "None"),
        ("DataDigest", "SHA9,CRC32C", "CRC32C"), ("DataDigest", "SHA9", "Reject"),
        ("MaxConnections", "8", "1"), ("InitialR2T", "Yes", "Yes"), ("InitialR2T", "No", "No"),
        ("InitialR2T", "Maybe", "Reject"), ("ImmediateData", "No", "No"),
        ("MaxBurstLength", "16776192", "16776192"), ("MaxBurstLength", "511", "Reject"),
        ("FirstBurstLength", "0x10000", "65536"), ("FirstBurstLength", "16777216", "Reject"),
        ("DefaultTime2Wait", "0", "2"), ("DefaultTime2Wait", "3601", "Reject"),
        ("DefaultTime2Retain", "20", "0"), ("MaxOutstandingR2T", "65535", "8"),
        ("MaxOutstandingR2T", "0", "Reject"), ("DataPDUInOrder", "No", "Yes"),
        ("DataSequenceInOrder", "No", "Yes"), ("ErrorRecoveryLevel", "2", "0"),
        ("ErrorRecoveryLevel", "3", "Reject"), ("IFMarker", "Yes", "No"),
        ("OFMarkInt", "2048~8192", "Reject"), ("TaskReporting", "FastAbort,RFC3720", "RFC3720"),
        ("iSCSIProtocolLevel", "2", "1"), ("X-com.example.thing", "1", "NotUnderstood"),
        ("Nonsense", "1", "NotUnderstood"), ("TargetAddress", "x", "Reject"),
    ])
    func `every key gets the answer of its own rule`(
        _ key: String, _ value: String, _ want: String
    ) throws {
        #expect(try Self.negotiate([(key, value)]).answers[key] == want)
    }

    @Test func `a text that is refused leaves the parameters within their bounds`() {
        var negotiation = Negotiation(offer: ISCSISessionOffer(), isDiscovery: false)
        var answers = TextPairs()
        let pairs = [("MaxBurstLength", "512"), ("Nonsense", "1"), ("Nonsense", "1")]
        #expect(throws: LoginStatus.initiatorError) {
            try negotiation.answer(pairs.map { TextPairs.Pair($0.0, $0.1) }, into: &answers)
        }
        let parameters = negotiation.parameters
        #expect(parameters.maxBurstLength == 512 && parameters.firstBurstLength == 512)
    }

    @Test func `declarations are taken without an answer, and ours is made once`() throws {
        var negotiation = Negotiation(offer: ISCSISessionOffer(), isDiscovery: false)
        var first = TextPairs()
        try negotiation.answer(
            [.init("MaxRecvDataSegmentLength", "65536"), .init("InitiatorAlias", "me")],
            into: &first)
        #expect(first.pairs == [.init("MaxRecvDataSegmentLength", "262144")])
        #expect(negotiation.parameters.initiatorDataSegment == 65_536)
        #expect(negotiation.parameters.targetDataSegment == 262_144)
        var second = TextPairs()
        try negotiation.answer([], into: &second)
        #expect(second.pairs.isEmpty)
    }

    @Test func `a first burst is within the burst, and means nothing where none is allowed`() throws
    {
        let (answers, parameters) = try Self.negotiate([
            ("FirstBurstLength", "65536"), ("MaxBurstLength", "8192"),
        ])
        #expect(answers["FirstBurstLength"] == "8192" && parameters.firstBurstLength == 8192)
        let none = try Self.negotiate([
            ("FirstBurstLength", "65536"), ("ImmediateData", "No"), ("InitialR2T", "Yes"),
        ])
        #expect(none.answers["FirstBurstLength"] == "Irrelevant")
    }

    @Test func `keys of normal sessions mean nothing in discovery`() throws {
        let (answers, _) = try Self.negotiate(
            [("InitialR2T", "No"), ("HeaderDigest", "CRC32C")], isDiscovery: true)
        #expect(answers["InitialR2T"] == "Irrelevant" && answers["HeaderDigest"] == "CRC32C")
    }

    @Test func `a key is negotiated once`() {
        #expect(throws: LoginStatus.initiatorError) {
            try Self.negotiate([("ImmediateData", "Yes"), ("ImmediateData", "No")])
        }
    }

    @Test func `digests may be demanded`() throws {
        var offer = ISCSISessionOffer()
        offer.digestsOptional = false
        let (answers, _) = try Self.negotiate([("HeaderDigest", "None")], offer: offer)
        #expect(answers["HeaderDigest"] == "Reject")
    }
}
