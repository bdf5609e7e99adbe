import ISCSIWire
import SCSITarget

/// Sense data of what goes wrong between the initiator and the device server.
enum TransportSense {
    /// ABORTED COMMAND with the code that RFC 7143, 11.4.7.2, gives to a fault of the transport;
    /// where it gives none, the nearest of SPC-5, annex F.
    static func outcome(_ fault: WriteTransfer.Fault) -> SCSIOutcome {
        let (key, code, qualifier): (UInt8, UInt8, UInt8) =
            switch fault {
            case .unsolicited: (0x0B, 0x0C, 0x0C)
            case .short: (0x0B, 0x0C, 0x0D)
            case .digest: (0x0B, 0x47, 0x05)
            case .order: (0x0B, 0x4B, 0x00)
            case .offset: (0x0B, 0x4B, 0x05)
            // ILLEGAL REQUEST, invalid field in CDB.
            case .tooLong: (0x05, 0x24, 0x00)
            case .noRoom: (0, 0, 0)
            }
        // The initiator sends it again, later (SAM-5, 5.3.1).
        if fault == .noRoom { return SCSIOutcome(status: taskSetFull) }
        return SCSIOutcome(status: checkCondition, sense: fixed(key, code, qualifier))
    }

    /// TASK SET FULL.
    static let taskSetFull: UInt8 = 0x28

    /// CHECK CONDITION.
    static let checkCondition: UInt8 = 0x02

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
