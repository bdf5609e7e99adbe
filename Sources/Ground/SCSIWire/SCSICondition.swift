/// Additional sense code and its qualifier (SPC-4, annex D): `0x2401` is 24h/01h.
public enum SCSICondition: UInt16, Sendable {
    case none = 0x0000
    case sanitizeInProgress = 0x041B
    case initializingRequired = 0x0402
    case unreachableCopyTarget = 0x0804
    case writeError = 0x0C00
    case thirdPartyDeviceFailure = 0x0D01
    case copyTargetNotReachable = 0x0D02
    case unrecoveredRead = 0x1100
    case parameterListLength = 0x1A00
    case miscompare = 0x1D00
    case invalidOpcode = 0x2000
    case invalidFieldInUnit = 0x0E03
    case lbaOutOfRange = 0x2100
    case invalidFieldInCDB = 0x2400
    case unitNotSupported = 0x2500
    case invalidFieldInParameters = 0x2600
    case invalidReleaseOfReservation = 0x2604
    case tooManyTargetDescriptors = 0x2606
    case unsupportedTargetDescriptor = 0x2607
    case tooManySegmentDescriptors = 0x2608
    case unsupportedSegmentDescriptor = 0x2609
    case inlineDataLengthExceeded = 0x260B
    case writeProtected = 0x2700
    case hardwareWriteProtected = 0x2701
    case softwareWriteProtected = 0x2702
    case spaceAllocationFailed = 0x2707
    case notReadyToReady = 0x2800
    case powerOnOrReset = 0x2900
    case powerOn = 0x2901
    case busReset = 0x2902
    case deviceReset = 0x2903
    case nexusLoss = 0x2907
    case modeParametersChanged = 0x2A01
    case reservationsPreempted = 0x2A03
    case reservationsReleased = 0x2A04
    case registrationsPreempted = 0x2A05
    case capacityChanged = 0x2A09
    case commandSequenceError = 0x2C00
    case commandsCleared = 0x2F00
    case sanitizeFailed = 0x3103
    case mediumNotPresent = 0x3A00
    case savingNotSupported = 0x3900
    case inquiryDataChanged = 0x3F03
    case reportedUnitsChanged = 0x3F0E
    case internalTargetFailure = 0x4400
    case mediumRemovalPrevented = 0x5302
    case insufficientRegistrationResources = 0x5504
    case insufficientResources = 0x5503

    /// The additional sense code.
    public var code: UInt8 { UInt8(rawValue >> 8) }
    /// Its qualifier.
    public var qualifier: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
}
