public import AoEWire

/// Where a target listens, as a user says it.
public enum ListenAddress: Equatable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// A numeric IPv4 or IPv6 address and a port; port 0 lets the system choose.
    case tcp(host: String, port: UInt16)
    /// A socket in the file system.
    case unix(path: String)
    /// A shelf and slot on an Ethernet interface.
    case link(interface: String, AoEAddress)

    /// Parses `127.0.0.1:3260`, `[::1]:3260`, `:3260` (all of IPv4), or `unix:/path`; nil for
    /// anything else.
    public init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count < Self.pathLimit else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        self = .tcp(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
    }

    /// The longest path that sockaddr_un holds.
    static let pathLimit = 108

    /// Whether only this host reaches it, as far as the address says; a link does not say.
    public var isLocal: Bool {
        switch self {
        case .unix: true
        case .tcp(let host, _): host == "::1" || host.hasPrefix("127.")
        case .link: false
        }
    }

    /// Whether it is a place on an Ethernet link.
    public var isLink: Bool {
        if case .link = self { return true }
        return false
    }

    /// The form that is parsed; of a link, the disk's name and the interface.
    public var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .link(let interface, let address): "\(address)@\(interface)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
