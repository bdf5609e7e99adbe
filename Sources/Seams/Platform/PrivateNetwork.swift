import CPlatform
import Glibc

/// The private link between host and guest: a user and network namespace with one TAP device.
///
/// No privileges are needed where user namespaces are allowed. Nothing is routed anywhere.
public enum PrivateNetwork {
    /// Moves this process into a new user and network namespace.
    ///
    /// Must be called while the process has one thread. Errors: EPERM or ENOSPC where user
    /// namespaces are switched off or used up.
    public static func enter() throws(SystemError) {
        try checked(cp_private_network(), "unshare user and network namespace")
    }

    /// Makes a TAP device and returns the descriptor that is its other end.
    public static func makeTap(named name: String) throws(SystemError) -> OwnedFD {
        precondition(name.utf8.count < 16, "interface names have at most 15 bytes")
        var buffer = [CChar](repeating: 0, count: 16)
        for (index, byte) in name.utf8.enumerated() { buffer[index] = CChar(bitPattern: byte) }
        return OwnedFD(taking: try checked(cp_tap_create(&buffer), "create TAP device \(name)"))
    }

    /// Addresses an interface and brings it up; address 0 and mtu 0 leave those as they are.
    public static func bringUp(
        _ name: String, address: UInt32 = 0, prefix: Int32 = 0, mtu: Int32 = 0
    ) throws(SystemError) {
        try checked(cp_interface_up(name, address, prefix, mtu), "bring up \(name)")
    }

    /// Enters a neighbour's hardware address, so that no ARP is needed.
    public static func addNeighbour(
        _ name: String, address: UInt32, hardware: [UInt8]
    ) throws(SystemError) {
        precondition(hardware.count == 6, "a hardware address has 6 bytes")
        try checked(cp_neighbour(name, address, hardware), "add neighbour on \(name)")
    }
}

/// IPv4 stream sockets on the private link.
public enum StreamSocket {
    /// Listens on an address (host order) and port.
    public static func listen(address: UInt32, port: UInt16) throws(SystemError) -> OwnedFD {
        let socket = try make()
        let raw = socket.raw
        var on: Int32 = 1
        setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        try libc("bind") { withAddress(address, port) { Glibc.bind(raw, $0, $1) } }
        try libc("listen") { Glibc.listen(raw, 16) }
        return socket
    }

    /// Accepts one connection; blocks.
    public static func accept(_ listener: OwnedFD) throws(SystemError) -> OwnedFD {
        let accepted = OwnedFD(taking: try checked(cp_accept(listener.raw), "accept"))
        noDelay(accepted.raw)
        return accepted
    }

    /// Connects to an address (host order) and port; blocks.
    public static func connect(address: UInt32, port: UInt16) throws(SystemError) -> OwnedFD {
        let socket = try make()
        let raw = socket.raw
        noDelay(raw)
        try libc("connect") { withAddress(address, port) { Glibc.connect(raw, $0, $1) } }
        return socket
    }

    private static func make() throws(SystemError) -> OwnedFD {
        OwnedFD(
            taking: try libc("socket") {
                socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
    }

    private static func noDelay(_ raw: Int32) {
        var on: Int32 = 1
        setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    private static func withAddress<Result>(
        _ address: UInt32, _ port: UInt16,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var internet = sockaddr_in()
        internet.sin_family = sa_family_t(AF_INET)
        internet.sin_port = port.bigEndian
        internet.sin_addr.s_addr = address.bigEndian
        return withUnsafePointer(to: &internet) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
