public import BlockDevice
public import Platform

/// One disk that clients can ask for.
public struct NBDExport: Sendable {
    /// Name to ask for; 1 to 4096 bytes without NUL.
    public var name: String
    /// Words for people; at most 4096 bytes without NUL, may be empty.
    public var description: String
    /// The disk.
    public var device: any BlockDevice
    /// Whether changes are refused even where the device takes them.
    public var isReadOnly: Bool

    /// Describes an export.
    public init(
        name: String, device: any BlockDevice, isReadOnly: Bool = false, description: String = ""
    ) {
        self.name = name
        self.description = description
        self.device = device
        self.isReadOnly = isReadOnly
    }
}

/// Who may connect from where.
public enum NBDPeer: Equatable, Sendable {
    /// Somebody at a Unix socket.
    case local
    /// A numeric IPv4 or IPv6 address.
    case network(String)
}

/// Where a server listens.
public enum NBDListener: Sendable {
    /// A numeric address and a port; port 0 takes any free one.
    case tcp(address: String, port: Int)
    /// A Unix socket at a path that must not exist yet; removed when the server stops.
    case unix(path: String)
    /// A socket that already listens, perhaps opened by another process.
    case socket(OwnedFD)
}

/// What one connection, and all of them together, may take.
public struct NBDServerLimits: Equatable, Sendable {
    /// Most connections at once; one more is closed as soon as it is accepted.
    public var connections = 4096
    /// Most requests that one connection has in work; reading stops there.
    public var requests = 256
    /// Most payload bytes that one connection has in work, unless one request alone has more.
    public var bytes = 32 << 20
    /// Most bytes that all connections have in work, or waiting to be taken by their clients.
    public var totalBytes = 512 << 20
    /// Time for the whole handshake, TLS included.
    public var handshakeSeconds = 30
    /// Time without any progress in the middle of a request, or of a reply that is not taken.
    public var stallSeconds = 300
    /// The same while others wait for memory.
    public var shortStallSeconds = 20

    /// The usual limits.
    public init() {}
}

/// What a server serves, to whom, under which limits.
public struct NBDServerConfiguration: Sendable {
    /// The exports; names differ.
    public var exports: [NBDExport]
    /// Which export the empty name means; nil where none does.
    public var defaultExport: String?
    /// Whether and how connections are encrypted.
    public var security: NBDSecurity
    /// Whether NBD_OPT_LIST is answered with the exports.
    public var tellsExports = true
    /// Says who may connect; called on an event loop, must not wait.
    public var allow: @Sendable (NBDPeer) -> Bool
    /// Whether clients come through a relay alone, which whoever set it up guards: then it does not
    /// matter who could reach the listeners, and the addresses that clients have are the relay's.
    public var isRelayed = false
    /// Bounds.
    public var limits = NBDServerLimits()
    /// What the server shares its bound on memory with; nil for one of `totalBytes` of its own.
    public var budget: ByteBudget?

    /// Collects the configuration; the first export is the default one unless another is named.
    public init(
        exports: [NBDExport], defaultExport: String? = nil, security: NBDSecurity = .off,
        allow: @escaping @Sendable (NBDPeer) -> Bool = { _ in true }
    ) {
        self.exports = exports
        self.defaultExport = defaultExport ?? exports.first?.name
        self.security = security
        self.allow = allow
    }
}

/// What a server has done so far.
public struct NBDServerStatus: Equatable, Sendable {
    /// Connections now.
    public var connections: Int
    /// Requests since the start, refused ones included.
    public var requests: UInt64
    /// Payload bytes sent to clients since the start.
    public var bytesRead: UInt64
    /// Payload bytes taken from clients since the start.
    public var bytesWritten: UInt64
}
