import ISCSIWire

/// Answers an initiator's operational keys (RFC 7143, 6.2 and chapter 13), one text after another.
struct Negotiation: Sendable {
    private(set) var parameters = SessionParameters()
    private let offer: ISCSISessionOffer
    private let isDiscovery: Bool
    private var seen: Set<String> = []
    private var declared = false

    init(offer: ISCSISessionOffer, isDiscovery: Bool) {
        self.offer = offer
        self.isDiscovery = isDiscovery
    }

    /// Takes the pairs of one text and appends the answers.
    ///
    /// What we take in one PDU is declared with the first answer, but in the security stage only
    /// to initiators that declare theirs there: Linux's ends a login in which that stage has an
    /// operational key. Throws `initiatorError` where a key is negotiated twice (6.2: it must not
    /// be).
    mutating func answer(
        _ pairs: [TextPairs.Pair], inSecurityStage: Bool = false, into answers: inout TextPairs
    ) throws(LoginStatus) {
        // Whether a first burst means anything depends on two keys that may come behind it.
        let late = pairs.filter { $0.key == "FirstBurstLength" }
        for pair in pairs.filter({ $0.key != "FirstBurstLength" }) + late {
            guard seen.insert(pair.key).inserted else { throw .initiatorError }
            if let value = value(for: pair) { answers.append(pair.key, value) }
        }
        let mayDeclare =
            !inSecurityStage || pairs.contains { $0.key == "MaxRecvDataSegmentLength" }
        if !declared, mayDeclare {
            declared = true
            parameters.targetDataSegment = offer.maxRecvDataSegmentLength
            answers.append("MaxRecvDataSegmentLength", String(offer.maxRecvDataSegmentLength))
        }
        parameters.firstBurstLength = min(
            parameters.firstBurstLength, parameters.maxBurstLength)
    }

    /// The answer to one pair; nil where none is due.
    private mutating func value(for pair: TextPairs.Pair) -> String? {
        // An answer to something that we declared.
        if ["Reject", "Irrelevant", "NotUnderstood"].contains(pair.value) { return nil }
        if isDiscovery, Self.irrelevantInDiscovery.contains(pair.key) { return "Irrelevant" }
        switch pair.key {
        case "HeaderDigest", "DataDigest": return digest(pair)
        case "InitialR2T", "ImmediateData", "DataPDUInOrder", "DataSequenceInOrder":
            return boolean(pair)
        case "MaxRecvDataSegmentLength":
            guard let value = Self.number(pair.value, 512...ISCSIWire.dataSegmentLimit) else {
                return "Reject"
            }
            parameters.initiatorDataSegment = value
            return nil
        case "InitiatorAlias":
            parameters.initiatorAlias = String(pair.value.prefix(255))
            return nil
        case "TaskReporting":
            let items = TextValue.list(pair.value)
            return items?.contains("RFC3720") == true ? "RFC3720" : "Reject"
        // Obsolete, and answered so (13.25).
        case "IFMarker", "OFMarker": return "No"
        case "IFMarkInt", "OFMarkInt": return "Reject"
        // Keys that only a target sends, or that have no place here.
        case "TargetAlias", "TargetAddress", "TargetPortalGroupTag", "SendTargets": return "Reject"
        default: return Self.numeric[pair.key] == nil ? "NotUnderstood" : numeric(pair)
        }
    }

    private static let irrelevantInDiscovery: Set<String> = [
        "MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "FirstBurstLength",
        "MaxOutstandingR2T", "DataPDUInOrder", "DataSequenceInOrder",
    ]

    /// Ranges of the keys whose outcome is a number (chapter 13; iSCSIProtocolLevel: RFC 7144).
    private static let numeric: [String: ClosedRange<Int>] = [
        "MaxConnections": 1...65_535, "MaxBurstLength": 512...ISCSIWire.dataSegmentLimit,
        "FirstBurstLength": 512...ISCSIWire.dataSegmentLimit, "DefaultTime2Wait": 0...3600,
        "DefaultTime2Retain": 0...3600, "MaxOutstandingR2T": 1...65_535,
        "ErrorRecoveryLevel": 0...2, "iSCSIProtocolLevel": 0...31,
    ]

    private static func number(_ text: String, _ range: ClosedRange<Int>) -> Int? {
        TextValue.number(text).flatMap { Int(exactly: $0) }.flatMap {
            range.contains($0) ? $0 : nil
        }
    }

    private mutating func numeric(_ pair: TextPairs.Pair) -> String {
        guard let range = Self.numeric[pair.key], let value = Self.number(pair.value, range) else {
            return "Reject"
        }
        let result: Int
        switch pair.key {
        case "MaxBurstLength":
            result = min(value, offer.maxBurstLength)
            parameters.maxBurstLength = result
        case "FirstBurstLength":
            if parameters.initialR2T && !parameters.immediateData { return "Irrelevant" }
            result = min(value, offer.firstBurstLength, parameters.maxBurstLength)
            parameters.firstBurstLength = result
        case "DefaultTime2Wait":
            result = max(value, 2)
            parameters.defaultTime2Wait = result
        case "DefaultTime2Retain":
            // Nothing is kept of a session whose connection is gone.
            result = 0
            parameters.defaultTime2Retain = result
        case "MaxOutstandingR2T":
            result = min(value, offer.maxOutstandingR2T)
            parameters.maxOutstandingR2T = result
        case "ErrorRecoveryLevel": result = 0
        // One connection a session; one level of the protocol.
        default: result = min(value, 1)
        }
        return String(result)
    }

    private mutating func digest(_ pair: TextPairs.Pair) -> String {
        let choice = TextValue.list(pair.value)?.first {
            $0 == "CRC32C" || ($0 == "None" && offer.digestsOptional)
        }
        guard let choice else { return "Reject" }
        if pair.key == "HeaderDigest" {
            parameters.headerDigest = choice == "CRC32C"
        } else {
            parameters.dataDigest = choice == "CRC32C"
        }
        return String(choice)
    }

    private mutating func boolean(_ pair: TextPairs.Pair) -> String {
        guard let value = TextValue.boolean(pair.value) else { return "Reject" }
        let result: Bool
        switch pair.key {
        case "InitialR2T":
            result = value || offer.initialR2T
            parameters.initialR2T = result
        case "ImmediateData":
            result = value && offer.immediateData
            parameters.immediateData = result
        // We send and want data in order: either side's Yes decides (13.19, 13.20).
        default: result = true
        }
        return result ? "Yes" : "No"
    }
}
