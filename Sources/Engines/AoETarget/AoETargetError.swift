public import AoEWire

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
