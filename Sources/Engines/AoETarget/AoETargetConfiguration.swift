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

/// Bounds of a target.
public enum AoELimits {
    /// Frames of one batch.
    static let batch = 64
    /// Most requests that wait, reads and writes apart; more are lost, as the protocol has it.
    public static let waiting = 128
    /// Most sectors of one frame, on links that would carry more.
    public static let sectorsPerFrame = 128
    /// Bytes of neighbouring requests that the device gets as one.
    static let merged = 1 << 20
    /// Batches of writes that take less on the average are done by the thread that receives, in
    /// nanoseconds.
    static let quickWrites: Int64 = 500_000
    /// How long a thread waits for a frame before it looks around, and a frame for its way out, in
    /// milliseconds.
    static let patience: Int64 = 200
    /// Threads for reads that must wait.
    static let readers = 4
    /// The smallest MTU: a message with one sector.
    public static let smallestMTU =
        AoEHeader.size + ATARegisters.size + AoEProtocol.sectorSize
        - AoEProtocol.ethernetHeaderSize

    /// Sectors that fit a frame.
    public static func sectors(mtu: Int) -> Int {
        let room =
            mtu + AoEProtocol.ethernetHeaderSize - AoEHeader.size - ATARegisters.size
        return max(0, min(room / AoEProtocol.sectorSize, sectorsPerFrame))
    }
}

/// Why a target could not be started.
public enum AoETargetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The address is one of those that stand for all disks.
    case address(AoEAddress)
    /// A frame carries not even one sector.
    case mtu(Int)
    /// The device holds not even one sector.
    case tooSmall(UInt64)
    /// More hosts than an answer in one frame can name.
    case tooManyHosts(Int, limit: Int)
    /// What was kept cannot be read or stored; in words.
    case kept(String)
    /// The socket or a thread; in words.
    case system(String)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .address(let address): "aoe: \(address) stands for every disk"
        case .mtu(let mtu):
            "aoe: an MTU of \(mtu) carries no sector; \(AoELimits.smallestMTU) would"
        case .tooSmall(let size): "aoe: a disk of \(size) bytes has no sector"
        case .tooManyHosts(let count, let limit):
            "aoe: \(count) hosts are named; on this link a list holds \(limit)"
        case .kept(let words): "aoe: the kept configuration: \(words)"
        case .system(let words): "aoe: \(words)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .address: "Choose a shelf up to 65534 and a slot up to 254."
        case .mtu: "Raise it: ip link set dev INTERFACE mtu 1500, or 9000 for speed."
        case .tooSmall: "Check that it is the right file."
        case .tooManyHosts: "Name fewer, or raise the interface's MTU."
        case .kept: "Remove the file; the configuration string and reservations are lost then."
        case .system: "See the system's log."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
