import NIOCore

/// Where a server can be reached.
public enum NBDAddress: Equatable, Sendable, CustomStringConvertible {
    /// A numeric address and a port.
    case tcp(address: String, port: Int)
    /// A Unix socket.
    case unix(path: String)

    /// Translates a socket's own address; nil where it is neither TCP nor Unix.
    init?(_ address: SocketAddress?) {
        if let ip = address?.ipAddress, let port = address?.port {
            self = .tcp(address: ip, port: port)
        } else if let path = address?.pathname {
            self = .unix(path: path)
        } else {
            return nil
        }
    }

    /// Whether other machines may reach it: TCP beyond the loopback addresses.
    public var isReachable: Bool {
        guard case .tcp(let address, _) = self else { return false }
        let loopback = ["127.", "::ffff:127."]
        return address != "::1" && !loopback.contains { address.hasPrefix($0) }
    }

    /// As people write it: `127.0.0.1:10809`, `[::1]:10809`, or a path.
    public var description: String {
        switch self {
        case .tcp(let address, let port):
            address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .unix(let path): path
        }
    }
}
