public import Platform

/// A socket that already listens, and where its connections lead.
public struct RelayListener: Sendable {
    /// The listening stream socket: IPv4, IPv6 or Unix, of whatever network namespace.
    ///
    /// It stops to block, and to listen at the relay's end, for everybody who shares it.
    public var socket: OwnedFD
    /// IPv4 address to connect to, in host order; in this process's own network namespace.
    public var address: UInt32
    /// Port to connect to.
    public var port: UInt16

    /// Makes one.
    public init(socket: OwnedFD, address: UInt32, port: UInt16) {
        self.socket = socket
        self.address = address
        self.port = port
    }
}

/// What bounds a relay.
public struct RelayLimits: Equatable, Sendable {
    /// Bytes of one direction of one connection that are read at once.
    public static let readBytes = 256 << 10
    /// Bytes of one direction of one connection that wait to be sent, at most, while more is read.
    ///
    /// So at most twice this much is held. At a stream's end what the kernel still had of it is
    /// held as well, which `socketBytes` bounds.
    public static let waitingBytes = 256 << 10
    /// What the kernel may hold of each direction, in bytes as SO_RCVBUF counts them.
    static let socketBytes = 1 << 20

    /// Connections at a time; one more is closed at once.
    public var connections = 1024
    /// How long connecting to the destination may take.
    public var connectMilliseconds = 5_000
    /// How long the destination may acknowledge nothing, or take nothing of what waits for it,
    /// before a connection ends; at least 2 seconds.
    public var silenceMilliseconds = 60_000

    /// The usual bounds.
    public init() {}
}

/// What a relay has done so far.
public struct RelayFigures: Equatable, Sendable {
    /// Connections now, those that are still being made included.
    public var open = 0
    /// Connections that were let in.
    public var total: UInt64 = 0
    /// Bytes that clients sent.
    public var bytesFromClients: UInt64 = 0
    /// Bytes that clients were sent.
    public var bytesToClients: UInt64 = 0

    /// Nothing done.
    public init() {}
}

/// Why a relay cannot begin.
public enum RelayError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A socket cannot be listened on.
    case listen(String)
    /// The relay has ended, for this reason.
    case ended(String)

    /// The error in words.
    public var description: String {
        switch self {
        case .listen(let cause): "relay: cannot listen on a socket that was passed in: \(cause)"
        case .ended(let reason): "relay: it has ended (\(reason)); start another one"
        }
    }
}
