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
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0, let address = found?.pointee else {
            throw SystemError(errno: EINVAL, call: call)
        }
        defer { freeaddrinfo(found) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = try libc(call) { socket(address.ai_family, kind, 0) }
        let listener = OwnedFD(taking: raw)
        var on: Int32 = 1
        setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        if address.ai_family == AF_INET6 {
            setsockopt(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4)
        }
        try libc(call) { bind(raw, address.ai_addr, address.ai_addrlen) }
        try libc(call) { Glibc.listen(raw, backlog) }
        return listener
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
