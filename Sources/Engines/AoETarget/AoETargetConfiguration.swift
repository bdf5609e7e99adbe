public import AoEWire
public import BlockDevice

/// What a target serves, where, and to whom.
public struct AoETargetConfiguration: Sendable {
    /// When a write is answered.
    public enum Cache: Sendable, Equatable {
        /// When it is durable: writes that came together share one flush.
        case writeThrough
        /// When the device has taken it; durable after the client's next flush.
        case writeBack
    }

    /// The disk.
    public var device: any BlockDevice
    /// The disk's place on the link.
    public var address: AoEAddress
    /// The interface's own address.
    public var mac: MACAddress
    /// Bytes of the longest packet on the link, without the Ethernet header.
    public var mtu: Int
    /// Number of the interface, to ask for its MTU again; nil where it never changes.
    public var interface: Int32?
    /// The hosts that are listened to; none: every host of the link.
    public var allowed: [MACAddress] = []
    /// Whether nothing may be written.
    public var isReadOnly = false
    /// When a write is answered.
    public var cache = Cache.writeThrough
    /// A text that stays the same as long as the disk does: the serial number is made from it.
    public var identity: String
    /// The file that keeps the configuration string and reservations; nil keeps them in memory.
    public var keptFile: String?

    /// Describes a target; everything else is as careful as it can be.
    public init(
        device: any BlockDevice, address: AoEAddress, mac: MACAddress, mtu: Int,
        identity: String
    ) {
        self.device = device
        self.address = address
        self.mac = mac
        self.mtu = mtu
        self.identity = identity
    }
}
