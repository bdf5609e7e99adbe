import CPlatform
import Glibc

/// A generic netlink socket: datagrams to and from the kernel.
///
/// One thread at a time. No call waits longer than half a minute.
public final class NetlinkSocket {
    private static let seconds: Int32 = 30
    private let socket: OwnedFD

    /// Opens one; any user may.
    public init() throws(SystemError) {
        socket = OwnedFD(
            taking: try checked(cp_netlink_open(Self.seconds), "open a netlink socket"))
    }

    /// Sends one datagram; blocks for as long as the kernel works on it.
    public func send(_ bytes: [UInt8]) throws(SystemError) {
        try checked(cp_netlink_send(socket.raw, bytes, bytes.count), "send to the kernel")
    }

    /// The next datagram of the kernel; EMSGSIZE where it is longer than `limit` bytes, EAGAIN
    /// where none comes.
    public func receive(limit: Int) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let got = try checked(
            cp_netlink_receive(socket.raw, &buffer, limit), "hear from the kernel")
        return Array(buffer[..<got])
    }
}
