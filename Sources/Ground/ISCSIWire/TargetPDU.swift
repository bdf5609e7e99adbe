/// The three numbers that almost every PDU of a target carries (RFC 7143, 11.4.7 to 11.4.9).
public struct StatusNumbers: Equatable, Sendable {
    /// This status's number.
    public var statSN: UInt32
    /// The next command number that the target expects.
    public var expCmdSN: UInt32
    /// The last command number that the target takes.
    public var maxCmdSN: UInt32

    /// Collects the numbers.
    public init(statSN: UInt32, expCmdSN: UInt32, maxCmdSN: UInt32) {
        self.statSN = statSN
        self.expCmdSN = expCmdSN
        self.maxCmdSN = maxCmdSN
    }
}

extension BasicHeader {
    /// Begins a PDU of a target: opcode, flags, final, and the three numbers.
    init(_ opcode: TargetOpcode, flags: UInt8 = 0x80, numbers: StatusNumbers) {
        self.init(opcode: opcode.rawValue)
        self.flags = flags
        words[6] = numbers.statSN
        words[7] = numbers.expCmdSN
        words[8] = numbers.maxCmdSN
    }
}

/// How many bytes more or fewer went than the initiator expected (11.4.5).
public enum Residual: Equatable, Sendable {
    case none
    /// The initiator expected so many bytes more.
    case underflow(UInt32)
    /// The command had so many bytes more than the initiator expected.
    case overflow(UInt32)

    /// Compares what a command has with what the initiator expects.
    public init(has: Int, expected: Int) {
        if has > expected {
            self = .overflow(UInt32(clamping: has - expected))
        } else if has < expected {
            self = .underflow(UInt32(clamping: expected - has))
        } else {
            self = .none
        }
    }

    /// The O and U bits, as a Data-In and a response carry them.
    var flags: UInt8 {
        switch self {
        case .none: 0
        case .overflow: 0x04
        case .underflow: 0x02
        }
    }

    /// The count.
    public var count: UInt32 {
        switch self {
        case .none: 0
        case .overflow(let count), .underflow(let count): count
        }
    }
}

/// Headers of a target's PDUs; lengths of data are set by whoever adds the data.
public enum TargetPDU {
    /// SCSI Response (11.4): the command was completed at the target.
    public static func response(
        task: UInt32, status: UInt8, residual: Residual, readResidual: Residual = .none,
        dataPDUs: UInt32, numbers: StatusNumbers
    ) -> BasicHeader {
        let flags = 0x80 | residual.flags | readResidual.flags << 2
        var header = BasicHeader(.scsiResponse, flags: flags, numbers: numbers)
        header.lowHalf = UInt16(status)
        header.initiatorTaskTag = task
        header.words[9] = dataPDUs
        header.words[10] = readResidual.count
        header.words[11] = residual.count
        return header
    }

    /// Data-In (11.7) that more follows.
    public static func dataIn(
        task: UInt32, isFinal: Bool, dataSN: UInt32, offset: UInt32, length: Int,
        numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.dataIn, flags: isFinal ? 0x80 : 0, numbers: numbers)
        header.initiatorTaskTag = task
        header.targetTransferTag = ISCSIWire.reservedTag
        header.words[6] = 0
        header.words[9] = dataSN
        header.words[10] = offset
        header.dataLength = length
        return header
    }

    /// The last Data-In of a command that went well, with its status (11.7.3).
    public static func lastDataIn(
        task: UInt32, dataSN: UInt32, offset: UInt32, length: Int, status: UInt8,
        residual: Residual, numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.dataIn, flags: 0x81 | residual.flags, numbers: numbers)
        header.lowHalf = UInt16(status)
        header.initiatorTaskTag = task
        header.targetTransferTag = ISCSIWire.reservedTag
        header.words[9] = dataSN
        header.words[10] = offset
        header.words[11] = residual.count
        header.dataLength = length
        return header
    }

    /// Ready To Transfer (11.8).
    ///
    /// `numbers.statSN` is the next one; this PDU does not use it up.
    public static func readyToTransfer(
        task: UInt32, lun: UInt64, transfer: UInt32, sequence: UInt32, offset: UInt32,
        length: UInt32, numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.readyToTransfer, numbers: numbers)
        header.lun = lun
        header.initiatorTaskTag = task
        header.targetTransferTag = transfer
        header.words[9] = sequence
        header.words[10] = offset
        header.words[11] = length
        return header
    }

    /// NOP-In (11.19): the answer to a ping, or, with a transfer tag, a ping.
    public static func nopIn(
        task: UInt32, transfer: UInt32 = ISCSIWire.reservedTag, lun: UInt64 = 0,
        numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.nopIn, numbers: numbers)
        header.lun = lun
        header.initiatorTaskTag = task
        header.targetTransferTag = transfer
        return header
    }

    /// Task management function response (11.6).
    public static func taskManagement(
        task: UInt32, response: TaskManagementPDU.Response, numbers: StatusNumbers
    ) -> BasicHeader {
        var header = BasicHeader(.taskManagementResponse, numbers: numbers)
        header.lowHalf = UInt16(response.rawValue) << 8
        header.initiatorTaskTag = task
        return header
    }

    /// Text response (11.11).
    public static func text(
        task: UInt32, isFinal: Bool, continues: Bool, transfer: UInt32, length: Int,
        numbers: StatusNumbers
    ) -> BasicHeader {
        let flags: UInt8 = (isFinal ? 0x80 : 0) | (continues ? 0x40 : 0)
        var header = BasicHeader(.textResponse, flags: flags, numbers: numbers)
        header.initiatorTaskTag = task
        header.targetTransferTag = transfer
        header.dataLength = length
        return header
    }
}
