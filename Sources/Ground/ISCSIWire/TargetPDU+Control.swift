/// What a login response says of a login (RFC 7143, 11.13).
public struct LoginReply: Equatable, Sendable {
    /// The T bit.
    public var transits: Bool
    /// The C bit: the text goes on in the next response.
    public var continues = false
    /// CSG.
    public var currentStage: UInt8
    /// NSG; of no meaning without T.
    public var nextStage: UInt8
    /// The initiator's name of the session.
    public var isid: ISID
    /// The target's, 0 until the login ends.
    public var tsih: UInt16
    /// The task's tag.
    public var initiatorTaskTag: UInt32
    /// Status class and detail (11.13.5).
    public var status: UInt16

    /// Begins a reply to a request.
    public init(to request: LoginRequest, transits: Bool = false, status: UInt16 = 0) {
        self.transits = transits
        currentStage = request.currentStage
        nextStage = transits ? request.nextStage : 0
        isid = request.isid
        tsih = request.tsih
        initiatorTaskTag = request.initiatorTaskTag
        self.status = status
    }
}

/// Reasons of an asynchronous message (11.9.1).
public enum AsyncEvent: Equatable, Sendable {
    /// SCSI asynchronous event, reported in the sense data that follows.
    case scsi
    /// The target asks for a logout on this connection within so many seconds.
    case logoutRequest(seconds: UInt16)
    /// The target will drop this connection; reconnect after the first and within the second
    /// number of seconds.
    case dropConnection(id: UInt16, waitSeconds: UInt16, retainSeconds: UInt16)
    /// The same of all the session's connections.
    case dropSession(waitSeconds: UInt16, retainSeconds: UInt16)
    /// The target asks for a negotiation of parameters within so many seconds.
    case negotiationRequest(seconds: UInt16)
}

/// Reasons of a reject (11.17.1).
public enum RejectReason: UInt8, Sendable {
    case dataDigestError = 0x02
    case snackReject = 0x03
    case protocolError = 0x04
    case commandNotSupported = 0x05
    case tooManyImmediateCommands = 0x06
    case taskInProgress = 0x07
    case invalidDataACK = 0x08
    case invalidPDUField = 0x09
    case longOperation = 0x0A
    case waitingForLogout = 0x0C
}

extension TargetPDU {
    /// Login response (11.13).
    public static func login(
        _ reply: LoginReply, length: Int, numbers: StatusNumbers
    ) -> BasicHeader {
        var flags: UInt8 = (reply.transits ? 0x80 : 0) | (reply.continues ? 0x40 : 0)
        flags |= (reply.currentStage & 3) << 2 | (reply.nextStage & 3)
        var header = BasicHeader(.loginResponse, flags: flags, numbers: numbers)
        header.lun = reply.isid.value << 16 | UInt64(reply.tsih)
        header.initiatorTaskTag = reply.initiatorTaskTag
        header.words[9] = UInt32(reply.status) << 16
        header.dataLength = length
        return header
    }

    /// Logout response (11.15).
    public static func logout(
        task: UInt32, response: UInt8, waitSeconds: UInt16, retainSeconds: UInt16,
        numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.logoutResponse, numbers: numbers)
        header.lowHalf = UInt16(response) << 8
        header.initiatorTaskTag = task
        header.words[10] = UInt32(waitSeconds) << 16 | UInt32(retainSeconds)
        return header
    }

    /// Asynchronous message (11.9).
    public static func async(
        _ event: AsyncEvent, lun: UInt64 = 0, length: Int = 0, numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.asyncMessage, numbers: numbers)
        header.lun = lun
        header.initiatorTaskTag = ISCSIWire.reservedTag
        let (code, first, second, third): (UInt32, UInt16, UInt16, UInt16) =
            switch event {
            case .scsi: (0, 0, 0, 0)
            case .logoutRequest(let seconds): (1, 0, 0, seconds)
            case .dropConnection(let id, let wait, let retain): (2, id, wait, retain)
            case .dropSession(let wait, let retain): (3, 0, wait, retain)
            case .negotiationRequest(let seconds): (4, 0, 0, seconds)
            }
        header.words[9] = code << 24 | UInt32(first)
        header.words[10] = UInt32(second) << 16 | UInt32(third)
        header.dataLength = length
        return header
    }

    /// Reject (11.17); the rejected header follows as data.
    public static func reject(_ reason: RejectReason, numbers: StatusNumbers) -> BasicHeader {
        var header = BasicHeader(.reject, numbers: numbers)
        header.lowHalf = UInt16(reason.rawValue) << 8
        header.initiatorTaskTag = ISCSIWire.reservedTag
        header.dataLength = ISCSIWire.headerLength
        return header
    }
}
