/// How a command ended (SAM-5, 5.3.1).
public enum SCSIStatus {
    /// All went well.
    public static let good: UInt8 = 0x00
    /// Sense data says what did not.
    public static let checkCondition: UInt8 = 0x02
    /// The prefetched blocks all fit into the cache.
    public static let conditionMet: UInt8 = 0x04
    /// Try again later.
    public static let busy: UInt8 = 0x08
    /// Somebody else holds a reservation.
    public static let reservationConflict: UInt8 = 0x18
    /// No room for another command.
    public static let taskSetFull: UInt8 = 0x28
    /// Another initiator's command ended this one.
    public static let taskAborted: UInt8 = 0x40
}

/// What kind of trouble sense data reports (SPC-4, 4.5.6).
public enum SCSISenseKey: UInt8, Sendable {
    case noSense = 0x0
    case recovered = 0x1
    case notReady = 0x2
    case medium = 0x3
    case hardware = 0x4
    case illegalRequest = 0x5
    case unitAttention = 0x6
    case dataProtect = 0x7
    case copyAborted = 0xA
    case abortedCommand = 0xB
    case miscompare = 0xE
}
