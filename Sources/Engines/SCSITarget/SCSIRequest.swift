public import SCSIWire

/// One SCSI command, as a transport received it.
public struct SCSIRequest: Sendable {
    /// Logical unit number in its eight-byte form, big-endian (SAM-5, 4.7).
    public var lun: UInt64
    /// The command descriptor block; kept in place, so that a request allocates nothing.
    public var block: SCSICommandBlock
    /// How the command is ordered among others (SAM-5, 8.6).
    public var attribute: SCSITaskAttribute
    /// Bytes that the initiator will take, at most.
    public var expectedIn: Int
    /// Bytes that the initiator will give, at most.
    public var expectedOut: Int

    /// Collects a command.
    @inlinable
    public init(
        lun: UInt64, block: SCSICommandBlock, attribute: SCSITaskAttribute = .simple,
        expectedIn: Int = 0, expectedOut: Int = 0
    ) {
        self.lun = lun
        self.block = block
        self.attribute = attribute
        self.expectedIn = expectedIn
        self.expectedOut = expectedOut
    }

    /// Collects a command whose block is a list of bytes; what is missing of 16 is zero.
    public init(
        lun: UInt64, cdb: [UInt8], attribute: SCSITaskAttribute = .simple, expectedIn: Int = 0,
        expectedOut: Int = 0
    ) {
        self.init(
            lun: lun, block: SCSICommandBlock(cdb), attribute: attribute, expectedIn: expectedIn,
            expectedOut: expectedOut)
    }
}

/// Task attributes.
public enum SCSITaskAttribute: UInt8, Sendable {
    case untagged = 0
    case simple = 1
    case ordered = 2
    case headOfQueue = 3
    case autoContingentAllegiance = 4
}

/// How a command ended.
public struct SCSIOutcome: Equatable, Sendable {
    /// SCSI status (SAM-5, 5.3.1): 0 is GOOD, 2 CHECK CONDITION.
    public var status: UInt8
    /// Fixed or descriptor format sense data, without any transport's length; empty unless status
    /// is CHECK CONDITION.
    public var sense: [UInt8]
    /// Bytes that the command has for the initiator, of which as many were stored as fitted: the
    /// transport computes the residual from it.
    public var dataIn: Int

    /// Collects an outcome.
    public init(status: UInt8, sense: [UInt8] = [], dataIn: Int = 0) {
        self.status = status
        self.sense = sense
        self.dataIn = dataIn
    }
}
