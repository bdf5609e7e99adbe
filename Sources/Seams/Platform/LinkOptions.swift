import CPlatform
import Glibc

extension PrivateNetwork {
    /// Sets an interface's own hardware address; before it is brought up.
    public static func setHardwareAddress(
        _ name: String, _ hardware: [UInt8]
    ) throws(SystemError) {
        precondition(hardware.count == 6, "a hardware address has 6 bytes")
        try checked(cp_hardware_address(name, hardware), "set hardware address of \(name)")
    }
}

extension StreamSocket {
    /// Connects to an address (host order) and port; blocks, at most so long.
    public static func connect(
        address: UInt32, port: UInt16, milliseconds: Int32
    ) throws(SystemError) -> OwnedFD {
        OwnedFD(taking: try checked(cp_connect_within(address, port, milliseconds), "connect"))
    }

    /// Makes the kernel end a connection whose peer acknowledges nothing for this long, be it
    /// data or one of the probes that an idle connection gets every second.
    public static func setLifeline(_ raw: Int32, milliseconds: UInt32) throws(SystemError) {
        try checked(cp_tcp_lifeline(raw, milliseconds), "set lifeline of connection")
    }

    /// Picks the plainest congestion control: a link without loss needs no pacing and no timers.
    public static func setPlainCongestionControl(_ raw: Int32) throws(SystemError) {
        try checked(cp_tcp_congestion(raw, "reno"), "set congestion control")
    }

    /// Fixes the sizes of a socket's buffers, in bytes; 0 leaves one to the kernel.
    public static func setBuffers(_ raw: Int32, receive: Int32, send: Int32) throws(SystemError) {
        try checked(cp_socket_buffers(raw, receive, send), "set socket buffers")
    }

    /// What the stream's next bytes are, without taking them; does not block.
    ///
    /// Empty at the stream's end; nil where nothing has arrived yet.
    public static func peek(_ raw: Int32, count: Int) throws(SystemError) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: count)
        let got = cp_peek(raw, &buffer, UInt(count))
        if got == -Int(EAGAIN) { return nil }
        try checked(got, "recv")
        return Array(buffer[..<got])
    }
}
