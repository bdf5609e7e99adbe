import CPlatform
import Glibc

/// Unix stream sockets in the file system.
///
/// Any thread.
public enum UnixSocket {
    /// Listens at a path that must not exist yet.
    public static func listen(at path: String) throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_unix_listen(path), "listen at \(path)"))
    }

    /// Connects to a listener.
    public static func connect(to path: String) throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_unix_connect(path), "connect to \(path)"))
    }

    /// Whether somebody listens on the socket at a path; false for a name that was left behind.
    ///
    /// Throws for what is no socket. Does not wait; a listener sees a connection that ends at once.
    public static func isServed(_ path: String) throws(SystemError) -> Bool {
        try checked(cp_unix_served(path), "look at \(path)") == 1
    }

    /// Accepts one connection; blocks.
    public static func accept(_ listener: OwnedFD) throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_accept(listener.raw), "accept"))
    }

    /// The user at the other end.
    public static func peerUser(_ socket: OwnedFD) throws(SystemError) -> UInt32 {
        var user: UInt32 = 0
        try checked(cp_unix_peer(socket.raw, &user), "SO_PEERCRED")
        return user
    }
}
