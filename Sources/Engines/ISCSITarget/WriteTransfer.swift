import ISCSIWire

/// How the data of one command comes in (RFC 7143, 4.2.5.2, 11.7 and 11.8): first what the
/// initiator sends unasked, then what it is asked for.
struct WriteTransfer: Sendable {
    /// A request for data that is open.
    private struct Request: Sendable {
        let tag: UInt32
        let end: Int
        var offset: Int
        var dataSN: UInt32 = 0
    }

    /// A request for data to be sent.
    struct Ask: Equatable, Sendable {
        let tag: UInt32
        let sequence: UInt32
        let offset: Int
        let length: Int
    }

    /// What is wrong with a Data-Out.
    enum Fault: Error, Equatable, Sendable {
        /// Nobody asked for it.
        case unsolicited
        /// Its number is not the next one.
        case order
        /// Its offset is not the next one, or it goes too far.
        case offset
        /// The sequence ended early.
        case short
        /// The digest is wrong.
        case digest
        /// The command moves more data than a session may have in flight.
        case tooLong
        /// Others have the memory that data which comes unasked would need.
        case noRoom
    }

    /// Bytes that the command needs: what the SCSI command wants, as far as the initiator has it.
    let wanted: Int
    private let unsolicitedLimit: Int
    private let burst: Int
    private let window: Int
    private var unsolicited: Request?
    private var requests: [Request] = []
    /// Everything before this has been sent unasked, or asked for.
    private var asked: Int
    private var nextSequence: UInt32 = 0
    /// What failed first; from then on data is thrown away until the initiator has sent it all.
    private(set) var fault: Fault?

    /// Begins with a command.
    /// - Parameters:
    ///   - wanted: bytes that the SCSI command wants.
    ///   - expected: bytes that the initiator has.
    ///   - immediate: bytes that came with the command.
    ///   - moreFollows: whether Data-Out comes unasked.
    init(
        wanted: Int, expected: Int, immediate: Int, moreFollows: Bool,
        parameters: SessionParameters
    ) {
        self.wanted = min(wanted, expected)
        unsolicitedLimit = min(parameters.firstBurstLength, expected)
        burst = parameters.maxBurstLength
        window = parameters.maxOutstandingR2T
        asked = immediate
        let mayFollow = moreFollows && !parameters.initialR2T
        if mayFollow {
            unsolicited = Request(
                tag: ISCSIWire.reservedTag, end: max(unsolicitedLimit, immediate),
                offset: immediate)
        }
        let mayCome = immediate == 0 || parameters.immediateData
        if !mayCome || immediate > unsolicitedLimit || (moreFollows && !mayFollow) {
            fault = .unsolicited
            // What is announced, allowed or not, still has to be taken off the wire.
            if moreFollows {
                unsolicited = Request(
                    tag: ISCSIWire.reservedTag, end: max(expected, immediate), offset: immediate)
            }
        }
    }

    /// Whether no more data is on its way or to be asked for.
    var isComplete: Bool {
        unsolicited == nil && requests.isEmpty && (fault != nil || asked >= wanted)
    }

    /// Whether the initiator has to send data before anything can go on.
    var expectsData: Bool { unsolicited != nil || !requests.isEmpty }

    /// Bytes that may have to be kept before any is asked for.
    func unaskedBytes(immediate: Int) -> Int {
        fault == nil ? min(wanted, max(immediate, unsolicited?.end ?? 0)) : 0
    }

    /// Whether there is data to ask for.
    var mustAsk: Bool {
        unsolicited == nil && fault == nil && asked < wanted && requests.count < window
    }

    /// The next request for data, if one may be sent.
    mutating func ask(tag: UInt32) -> Ask? {
        guard mustAsk else { return nil }
        let length = min(burst, wanted - asked)
        let ask = Ask(tag: tag, sequence: nextSequence, offset: asked, length: length)
        requests.append(Request(tag: tag, end: asked + length, offset: asked))
        nextSequence &+= 1
        asked += length
        return ask
    }

    /// Checks a Data-Out before its data: nil where the data belongs nowhere, else its offset.
    ///
    /// Data of a transfer that failed is thrown away, but its end is noted.
    mutating func begin(_ pdu: DataOutPDU, length: Int) -> Int? {
        let isUnsolicited = pdu.targetTransferTag == ISCSIWire.reservedTag
        let index = requests.firstIndex { $0.tag == pdu.targetTransferTag }
        guard var request = isUnsolicited ? unsolicited : index.map({ requests[$0] }) else {
            fail(.unsolicited)
            return nil
        }
        let offset = Int(pdu.bufferOffset)
        if pdu.dataSN != request.dataSN {
            fail(.order)
        } else if offset != request.offset || length > request.end - offset {
            fail(.offset)
        } else if let index, index > 0 {
            // Sequences come in the order of their requests.
            fail(.order)
        }
        request.dataSN &+= 1
        if fault == nil { request.offset += length }
        if pdu.isFinal {
            if !isUnsolicited && request.offset < request.end { fail(.short) }
            close(isUnsolicited, index, at: request.offset)
        } else if isUnsolicited {
            unsolicited = request
        } else if let index {
            requests[index] = request
        }
        return fault == nil ? offset : nil
    }

    private mutating func close(_ isUnsolicited: Bool, _ index: Int?, at offset: Int) {
        if isUnsolicited {
            unsolicited = nil
            asked = offset
        } else if let index {
            requests.remove(at: index)
        }
    }

    /// Notes a failure; the first one counts.
    mutating func fail(_ fault: Fault) {
        if self.fault == nil { self.fault = fault }
    }
}
