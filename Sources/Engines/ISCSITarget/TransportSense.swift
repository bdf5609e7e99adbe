import ISCSIWire
import SCSITarget
import SCSIWire

/// Sense data of what goes wrong between the initiator and the device server.
enum TransportSense {
    /// ABORTED COMMAND with the code that RFC 7143, 11.4.7.2, gives to a fault of the transport;
    /// where it gives none, the nearest of SPC-5, annex F.
    ///
    /// - Parameter hasOthers: whether the initiator has other commands in work at the logical unit.
    static func outcome(_ fault: WriteTransfer.Fault, hasOthers: Bool) -> SCSIOutcome {
        switch fault {
        case .unsolicited: check(aborted, 0x0C, 0x0C)
        case .short: check(aborted, 0x0C, 0x0D)
        case .digest: check(aborted, 0x47, 0x05)
        case .order: check(aborted, 0x4B, 0x00)
        case .offset: check(aborted, 0x4B, 0x05)
        // Invalid field in CDB.
        case .tooLong: check(.illegalRequest, 0x24, 0x00)
        // The initiator sends it again: with fewer at once, or later (SAM-5, 5.3.1).
        case .noRoom: SCSIOutcome(status: hasOthers ? SCSIStatus.taskSetFull : SCSIStatus.busy)
        }
    }

    private static let aborted = SCSISenseKey.abortedCommand

    private static func check(
        _ key: SCSISenseKey, _ code: UInt8, _ qualifier: UInt8
    ) -> SCSIOutcome {
        SCSIOutcome(
            status: SCSIStatus.checkCondition, sense: fixed(key.rawValue, code, qualifier))
    }

    /// Fixed format sense data of 18 bytes (SPC-5, 4.4.3).
    static func fixed(_ key: UInt8, _ code: UInt8, _ qualifier: UInt8) -> [UInt8] {
        var sense = [UInt8](repeating: 0, count: 18)
        sense[0] = 0x70
        sense[2] = key
        sense[7] = 10
        sense[12] = code
        sense[13] = qualifier
        return sense
    }
}
