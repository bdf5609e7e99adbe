import Glibc
import NIOCore

/// Socket options of a relay's connections; each on the channel's event loop.
enum RelayOptions {
    /// What both sides have: no delay, bounded buffers, and ends of their own for each direction.
    static func set(on channel: any Channel) throws {
        guard let options = channel.syncOptions else { return }
        try options.setOption(.allowRemoteHalfClosure, value: true)
        try options.setOption(.maxMessagesPerRead, value: 1)
        try options.setOption(
            .recvAllocator,
            value: FixedSizeRecvByteBufferAllocator(capacity: RelayLimits.readBytes))
        try options.setOption(
            .writeBufferWaterMark,
            value: .init(low: RelayLimits.waitingBytes / 4, high: RelayLimits.waitingBytes))
        try options.setOption(.socketOption(.so_rcvbuf), value: RelayLimits.socketBytes)
        guard !isUnix(channel) else { return }
        try options.setOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    private static func isUnix(_ channel: any Channel) -> Bool {
        switch channel.localAddress {
        case .unixDomainSocket?: true
        default: false
        }
    }

    /// Makes the kernel end a connection whose peer has acknowledged or taken nothing for this
    /// long (tcp(7), TCP_USER_TIMEOUT), idle or not.
    static func setLifeline(on channel: any Channel, milliseconds: Int) throws {
        // Probes come at twelfths of the time; the last one may find that it is over.
        let interval = max(1, milliseconds / 12_000)
        let patience = max(1_000, milliseconds - interval * 1_000)
        let values = [
            (TCP_USER_TIMEOUT, patience), (TCP_KEEPIDLE, interval), (TCP_KEEPINTVL, interval),
        ]
        for (number, value) in values {
            let option = NIOBSDSocket.Option(rawValue: number)
            try channel.syncOptions?.setOption(.tcpOption(option), value: value)
        }
        try channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
    }

    /// Closes a channel so that its peer sees a failure and no end (tcp: RST).
    static func reset(_ channel: any Channel) {
        // A channel that is closed already cannot be told, and need not.
        _ = (channel as? any SocketOptionProvider)?
            .setSoLinger(linger(l_onoff: 1, l_linger: 0))
        channel.close(promise: nil)
    }

    /// An IPv4 address in host order, and a port.
    static func address(_ address: UInt32, _ port: UInt16) throws -> SocketAddress {
        var packed = ByteBuffer()
        packed.writeInteger(address)
        return try SocketAddress(packedIPAddress: packed, port: Int(port))
    }
}
