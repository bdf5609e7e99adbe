/// Task management function request (RFC 7143, 11.5).
public struct TaskManagementPDU: Equatable, Sendable {
    /// What to do; other values exist and are answered as not supported.
    public enum Function: UInt8, Sendable {
        case abortTask = 1
        case abortTaskSet = 2
        case clearACA = 3
        case clearTaskSet = 4
        case logicalUnitReset = 5
        case targetWarmReset = 6
        case targetColdReset = 7
        case taskReassign = 8
    }

    /// The function's number.
    public let function: UInt8
    /// Deliver at once.
    public let isImmediate: Bool
    /// Logical unit.
    public let lun: UInt64
    /// This request's tag.
    public let initiatorTaskTag: UInt32
    /// The tag of the task to abort.
    public let referencedTaskTag: UInt32
    /// Command number.
    public let cmdSN: UInt32
    /// The next status number that the initiator expects.
    public let expStatSN: UInt32
    /// The command number of the task to abort.
    public let refCmdSN: UInt32

    init(_ header: BasicHeader) throws(ISCSIWireError) {
        guard header.isFinal else { throw .field("task management F", 0) }
        function = header.flags & 0x7F
        isImmediate = header.isImmediate
        lun = header.lun
        initiatorTaskTag = header.initiatorTaskTag
        referencedTaskTag = header.words[5]
        cmdSN = header.words[6]
        expStatSN = header.words[7]
        refCmdSN = header.words[8]
    }

    /// Answers to a function (11.6.1).
    public enum Response: UInt8, Sendable {
        case complete = 0
        case noSuchTask = 1
        case noSuchLogicalUnit = 2
        case taskStillAllegiant = 3
        case reassignNotSupported = 4
        case notSupported = 5
        case authorizationFailed = 6
        case rejected = 255
    }
}
