import Glibc
public import Platform

/// A TCP port of 127.0.0.1 that nobody else gets while the object lives, whether or not somebody
/// listens there: so whoever connects to it is refused, where nobody does.
///
/// A port that the kernel has chosen for a listener is free again when that listener ends
/// (shutdown(2) is enough), and may be another test's at the next moment. Here a socket that is
/// bound and never listens keeps it. Any thread; immutable.
public final class LoopbackPort: Sendable {
    /// The port, in host order.
    public let number: UInt16
    private let keeper: OwnedFD

    /// Takes a port of the kernel's choice.
    public init() throws(SystemError) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = socket(AF_INET, kind, 0)
        guard raw >= 0 else { throw SystemError(errno: errno, call: "socket") }
        keeper = OwnedFD(taking: raw)
        // Both have it: then a socket that does not listen is no obstacle to one that does.
        var on: Int32 = 1
        setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SystemError(errno: errno, call: "bind") }
        number = try TCPListener.port(of: keeper)
    }

    /// A socket that listens at the port; one at a time.
    public func listen() throws(SystemError) -> OwnedFD {
        try TCPListener.listen(host: "127.0.0.1", port: number)
    }
}
