/// A protocol that hands out blocks.
public enum ExportProtocol: String, Codable, Sendable, CaseIterable {
    /// SCSI over TCP, RFC 7143.
    case iscsi
    /// Network Block Device.
    case nbd
    /// ATA over Ethernet.
    case aoe

    /// The port that clients try; nil where there are no ports.
    public var standardPort: UInt16? {
        switch self {
        case .iscsi: 3260
        case .nbd: 10809
        case .aoe: nil
        }
    }
}
