/// A PDU of an initiator, without its data.
public enum InitiatorPDU: Sendable {
    case nopOut(NOPOut)
    case command(CommandPDU)
    case taskManagement(TaskManagementPDU)
    case login(LoginRequest)
    case text(TextRequest)
    case dataOut(DataOutPDU)
    case logout(LogoutRequest)
    case snack(SNACKRequest)

    /// Decodes a header; `additional` is what `additionalLength` announced.
    ///
    /// Throws `opcode` for one that no initiator sends, `field` for a value that is not defined.
    public init(_ header: BasicHeader, additional: [UInt8] = []) throws(ISCSIWireError) {
        guard let opcode = InitiatorOpcode(rawValue: header.opcode) else {
            throw .opcode(header.opcode)
        }
        switch opcode {
        case .nopOut: self = .nopOut(try NOPOut(header))
        case .scsiCommand:
            self = .command(try CommandPDU(header, additional: additional))
        case .taskManagement: self = .taskManagement(try TaskManagementPDU(header))
        case .login: self = .login(try LoginRequest(header))
        case .text: self = .text(try TextRequest(header))
        case .dataOut: self = .dataOut(DataOutPDU(header))
        case .logout: self = .logout(try LogoutRequest(header))
        case .snack: self = .snack(SNACKRequest(header))
        }
    }
}

/// NOP-Out (11.18): a ping, or the answer to one.
public struct NOPOut: Equatable, Sendable {
    /// The task's tag; reserved in an answer that wants no answer.
    public let initiatorTaskTag: UInt32
    /// The tag of the NOP-In that this answers, or reserved.
    public let targetTransferTag: UInt32
    /// As the target gave it.
    public let lun: UInt64
    /// Command number.
    public let cmdSN: UInt32
    /// The next status number that the initiator expects.
    public let expStatSN: UInt32
    /// Deliver at once.
    public let isImmediate: Bool

    init(_ header: BasicHeader) throws(ISCSIWireError) {
        guard header.isFinal else { throw .field("NOP-Out F", 0) }
        initiatorTaskTag = header.initiatorTaskTag
        targetTransferTag = header.targetTransferTag
        lun = header.lun
        cmdSN = header.words[6]
        expStatSN = header.words[7]
        isImmediate = header.isImmediate
        guard initiatorTaskTag != ISCSIWire.reservedTag || isImmediate else {
            throw .field("NOP-Out I", 0)
        }
    }
}

/// Data-Out (11.7): a part of a command's data.
public struct DataOutPDU: Equatable, Sendable {
    /// The last of its sequence.
    public let isFinal: Bool
    /// The command's logical unit, where a transfer tag is given.
    public let lun: UInt64
    /// The command's tag.
    public let initiatorTaskTag: UInt32
    /// The R2T's tag, or reserved for unsolicited data.
    public let targetTransferTag: UInt32
    /// The next status number that the initiator expects.
    public let expStatSN: UInt32
    /// Position in its sequence, from 0.
    public let dataSN: UInt32
    /// Where the data belongs in the command's data, in bytes.
    public let bufferOffset: UInt32

    init(_ header: BasicHeader) {
        isFinal = header.isFinal
        lun = header.lun
        initiatorTaskTag = header.initiatorTaskTag
        targetTransferTag = header.targetTransferTag
        expStatSN = header.words[7]
        dataSN = header.words[9]
        bufferOffset = header.words[10]
    }
}

/// A request to send again (11.16), which error recovery level 0 always refuses.
public struct SNACKRequest: Equatable, Sendable {
    /// What is asked for.
    public let type: UInt8
    /// The task's tag.
    public let initiatorTaskTag: UInt32

    init(_ header: BasicHeader) {
        type = header.flags & 0x0F
        initiatorTaskTag = header.initiatorTaskTag
    }
}

/// Logout (11.14).
public struct LogoutRequest: Equatable, Sendable {
    /// What to close.
    public enum Reason: UInt8, Sendable {
        case closeSession = 0
        case closeConnection = 1
        case removeForRecovery = 2
    }

    /// What to close.
    public let reason: Reason
    /// The task's tag.
    public let initiatorTaskTag: UInt32
    /// The connection to close, unless it is the session.
    public let connectionID: UInt16
    /// Command number.
    public let cmdSN: UInt32
    /// Deliver at once.
    public let isImmediate: Bool

    init(_ header: BasicHeader) throws(ISCSIWireError) {
        guard let reason = Reason(rawValue: header.flags & 0x7F) else {
            throw .field("logout reason", UInt64(header.flags & 0x7F))
        }
        self.reason = reason
        initiatorTaskTag = header.initiatorTaskTag
        connectionID = UInt16(truncatingIfNeeded: header.words[5] >> 16)
        cmdSN = header.words[6]
        isImmediate = header.isImmediate
    }
}
