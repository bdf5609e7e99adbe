import ISCSIWire

/// Text requests of the full feature phase (RFC 7143, 11.10 and 11.11): texts that come, or go, in
/// several PDUs.
struct TextExchange: Sendable {
    /// What to send.
    struct Answer: Equatable, Sendable {
        var bytes: [UInt8]
        var isFinal: Bool
        var continues: Bool
        /// Reserved where nothing more is expected.
        var tag: UInt32
    }

    /// Most bytes of an answer, over all its PDUs.
    static let answerLimit = 4 << 20

    private var incoming: [UInt8] = []
    private var outgoing: ArraySlice<UInt8> = []
    private var tag = ISCSIWire.reservedTag

    /// Takes a request; `segment` is what the initiator takes in one PDU, `fresh` a tag that is not
    /// in use.
    mutating func receive(
        _ request: TextRequest, data: some Collection<UInt8>, segment: Int, fresh: UInt32,
        answer: (TextPairs) throws(ISCSIWireError) -> [UInt8]
    ) throws(ISCSIWireError) -> Answer {
        if request.targetTransferTag == ISCSIWire.reservedTag {
            self = TextExchange()
        } else if request.targetTransferTag != tag {
            throw .field("text transfer tag", UInt64(request.targetTransferTag))
        }
        if !outgoing.isEmpty {
            // The initiator fetches the rest of an answer with empty requests (6.2).
            guard data.isEmpty, !request.continues else {
                throw .field("text in the middle of an answer", UInt64(data.count))
            }
            return next(segment, isLast: request.isFinal)
        }
        incoming += data
        guard incoming.count <= TextPairs.Limits.bytes else {
            let count = incoming.count
            self = TextExchange()
            throw .textTooLong(count, limit: TextPairs.Limits.bytes)
        }
        tag = fresh
        guard !request.continues else {
            return Answer(bytes: [], isFinal: false, continues: false, tag: tag)
        }
        let text = try TextPairs(decoding: incoming)
        incoming = []
        outgoing = try answer(text).prefix(Self.answerLimit)
        return next(segment, isLast: request.isFinal)
    }

    private mutating func next(_ segment: Int, isLast: Bool) -> Answer {
        let part = outgoing.prefix(segment)
        outgoing = outgoing.dropFirst(part.count)
        if !outgoing.isEmpty {
            return Answer(bytes: Array(part), isFinal: false, continues: true, tag: tag)
        }
        outgoing = []
        if isLast { tag = ISCSIWire.reservedTag }
        return Answer(bytes: Array(part), isFinal: isLast, continues: false, tag: tag)
    }
}
