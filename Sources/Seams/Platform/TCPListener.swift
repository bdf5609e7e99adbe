import Glibc

/// Listening TCP sockets of a host's own addresses.
public enum TCPListener {
    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 256

    /// Listens on a numeric IPv4 or IPv6 address; port 0 lets the system choose.
    ///
    /// An IPv6 listener takes IPv6 only, so that `[::]` never opens IPv4 by the way. Throws EINVAL
    /// where the address is no numeric one, EADDRINUSE where somebody listens there.
    public static func listen(host: String, port: UInt16) throws(SystemError) -> OwnedFD {
        let call = "listen on \(host) port \(port)"
        let family = host.contains(":") ? AF_INET6 : AF_INET
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = try libc(call) { socket(family, kind, 0) }
        let listener = OwnedFD(taking: raw)
        var on: Int32 = 1
        setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if family == AF_INET6 { setsockopt(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4) }
        try bind(raw, family, host, port, call)
        try libc(call) { Glibc.listen(raw, backlog) }
        return listener
    }

    private static func bind(
        _ raw: Int32, _ family: Int32, _ host: String, _ port: UInt16, _ call: String
    ) throws(SystemError) {
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { bytes -> Int? in
            bytes.storeBytes(of: sa_family_t(family), as: sa_family_t.self)
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            // The address follows the port in sockaddr_in, and the flow label in sockaddr_in6.
            let place = family == AF_INET6 ? 8 : 4
            guard inet_pton(family, host, bytes.baseAddress.map { $0 + place }) == 1 else {
                return nil
            }
            return family == AF_INET6
                ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        }
        guard let length else { throw SystemError(errno: EINVAL, call: call) }
        try libc(call) {
            withUnsafePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(raw, $0, socklen_t(length))
                }
            }
        }
    }

    /// The port that a listener has; in host order.
    public static func port(of listener: OwnedFD) throws(SystemError) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let raw = listener.raw
        try libc("getsockname") {
            withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getsockname(raw, $0, &length)
                }
            }
        }
        // The port lies at the same place in sockaddr_in and sockaddr_in6.
        return withUnsafeBytes(of: &storage) { UInt16($0[2]) << 8 | UInt16($0[3]) }
    }
}
