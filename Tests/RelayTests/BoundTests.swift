import FileSystemLab
import Glibc
import Platform
import Relay
import Testing

/// What a relay does not let anybody do.
@Suite struct BoundTests {
    @Test func `closes a client whose destination refuses`() throws {
        let relayed = try Relayed()
        let other = try TCPListener.listen(host: "127.0.0.1", port: 0)
        let refusing = try LoopbackPort()
        try relayed.relay.start([
            RelayListener(socket: other, address: Relayed.loopback, port: refusing.number)
        ])
        let client = Peer(
            try StreamSocket.connect(
                address: Relayed.loopback, port: try TCPListener.port(of: other)))
        #expect(try client.readToEnd().bytes.isEmpty)
        try relayed.waitForOpen(0)
        withExtendedLifetime(refusing) {}
    }

    @Test func `closes a client whose destination does not answer in time`() throws {
        var limits = RelayLimits()
        // More than usual, so that the time tells that it is this limit; the kernel itself would
        // ask again for two minutes.
        limits.connectMilliseconds = 6500
        let relayed = try Relayed(limits: limits)
        // One may wait to be accepted, and nobody accepts: what comes after hears nothing.
        #expect(listen(relayed.destination.raw, 0) == 0)
        let waiting = Peer(
            try StreamSocket.connect(
                address: Relayed.loopback, port: try TCPListener.port(of: relayed.destination)))
        let start = Clock.milliseconds()
        let client = try relayed.connect()
        #expect(try client.readToEnd().bytes.isEmpty)
        #expect(6000...60_000 ~= Clock.milliseconds() - start)
        try relayed.waitForOpen(0)
        withExtendedLifetime(waiting) {}
    }

    /// Most that may be under way: the kernel's buffers of the relay, and what it holds itself.
    private static let underWay = 12 << 20

    @Test func `makes a sender wait for a slow reader, in both directions`() throws {
        let relayed = try Relayed(buffers: 1 << 16)
        let (client, destination) = try relayed.pair()
        try StreamSocket.setBuffers(client.socket.raw, receive: 1 << 16, send: 1 << 16)
        let limit = 40 << 20
        for (from, to) in [(client, destination), (destination, client)] {
            let sent = try from.stuff(limit: limit)
            #expect(sent > RelayLimits.readBytes)
            #expect(sent < Self.underWay)
            // It goes on where it stopped.
            #expect(try to.read(sent) == [UInt8](repeating: 7, count: sent))
            #expect(try from.stuff(limit: 1 << 20, enough: 1) > 0)
        }
    }

    @Test func `ends a connection whose destination takes nothing for long`() throws {
        var limits = RelayLimits()
        limits.silenceMilliseconds = 3_000
        let relayed = try Relayed(limits: limits, buffers: 1 << 16)
        let (client, destination) = try relayed.pair()
        _ = try client.stuff(limit: 40 << 20)
        let start = Clock.milliseconds()
        let end = try client.readToEnd().end
        #expect(end == .failed(ECONNRESET))
        // Without the limit that is set here it would last for a minute.
        #expect(Clock.milliseconds() - start < 45_000)
        try relayed.waitForOpen(0)
        withExtendedLifetime(destination) {}
    }

    @Test func `closes one connection too many, and no other`() throws {
        var limits = RelayLimits()
        limits.connections = 3
        let relayed = try Relayed(limits: limits)
        let pairs = try (0..<3).map { _ in try relayed.pair() }
        let surplus = try relayed.connect()
        #expect(try surplus.readToEnd().bytes.isEmpty)
        try relayed.waitForOpen(3)
        for (client, destination) in pairs {
            try client.send([1])
            #expect(try destination.read(1) == [1])
        }
        pairs[0].client.endOutput()
        pairs[0].destination.endOutput()
        try relayed.waitForOpen(2)
        let (client, destination) = try relayed.pair()
        try destination.send([2])
        #expect(try client.read(1) == [2])
        #expect(relayed.relay.figures.total == 4)
    }
}
