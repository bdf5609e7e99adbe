import CPlatform
import Glibc

/// What is known of a network interface of this process's network namespace.
public struct NetworkInterface: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// Its number, which stays when the name changes.
    public var index: Int32
    /// Bytes of the longest packet, without the Ethernet header.
    public var mtu: Int
    /// Its hardware address, six bytes; zeros on the loopback interface.
    public var hardware: [UInt8]
    /// Whether frames are of Ethernet: the loopback interface's are too.
    public var isEthernet: Bool
    /// Whether nothing that is sent leaves this host.
    public var isLoopback: Bool
    /// Whether it has been brought up.
    public var isUp: Bool

    /// ARPHRD_ETHER of `linux/if_arp.h`.
    private static let ethernet: UInt32 = 1

    /// Asks for an interface by name.
    ///
    /// Throws ENODEV where there is none. Any thread; does not block.
    public static func named(_ name: String) throws(SystemError) -> NetworkInterface {
        let call = "look at interface \(name)"
        let control = OwnedFD(
            taking: try libc(call) {
                socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
        var facts = cp_interface()
        try checked(cp_interface_facts(control.raw, name, &facts), call)
        let hardware = withUnsafeBytes(of: facts.mac) { Array($0) }
        let isLoopback = facts.flags & UInt32(IFF_LOOPBACK) != 0
        return NetworkInterface(
            name: name, index: facts.index, mtu: Int(facts.mtu), hardware: hardware,
            isEthernet: facts.hardware == ethernet || isLoopback,
            isLoopback: isLoopback, isUp: facts.flags & UInt32(IFF_UP) != 0)
    }
}
