import Glibc
import Platform
import Relay
import Testing

/// Failures, and the relay's own end.
@Suite struct EndTests {
    @Test func `a reset of one side is a reset of the other`() throws {
        let relayed = try Relayed()
        for clientFails in [true, false] {
            let staying: Peer
            do {
                let (client, destination) = try relayed.pair()
                let failing = clientFails ? client : destination
                staying = clientFails ? destination : client
                try staying.send([1])
                #expect(try failing.read(1) == [1])
                failing.resetAtEnd()
            }
            #expect(try staying.readToEnd().end == .failed(ECONNRESET))
        }
        try relayed.waitForOpen(0)
    }

    @Test func `a reset ends even those who wait for room`() throws {
        let relayed = try Relayed(buffers: 1 << 16)
        let client = try relayed.connect()
        do {
            let destination = try relayed.accept()
            _ = try client.stuff(limit: 40 << 20)
            destination.resetAtEnd()
        }
        #expect(try client.readToEnd().end == .failed(ECONNRESET))
        try relayed.waitForOpen(0)
    }

    @Test func `survives clients that vanish at once`() throws {
        let relayed = try Relayed()
        #expect(listen(relayed.destination.raw, 4096) == 0)
        for index in 0..<300 {
            let client = try relayed.connect()
            if index % 3 > 0 { try client.send([1, 2, 3]) }
            if index % 2 > 0 { client.resetAtEnd() }
        }
        // Clients that left in peace have left the destination half a connection.
        let deadline = Clock.milliseconds() + 60_000
        while relayed.relay.figures.open > 0 {
            try #require(Clock.milliseconds() < deadline)
            guard try Descriptors.waitReadable(relayed.destination.raw, milliseconds: 20) else {
                continue
            }
            _ = try StreamSocket.accept(relayed.destination)
        }
        let client = try relayed.connect()
        try client.send(pattern(1_000))
        while true {
            // Some that were reset may still be in the queue.
            let destination = try relayed.accept()
            guard let bytes = try? destination.read(1_000) else { continue }
            #expect(bytes == pattern(1_000))
            break
        }
    }

    @Test func `a cut ends everybody at once and refuses later ones`() throws {
        let relayed = try Relayed()
        let path = "/tmp/causeway-relay-cut-\(getpid())-\(relayed.port)"
        let listener = try UnixSocket.listen(at: path)
        defer { try? Files.remove(path) }
        let place = RelayListener(
            socket: listener, address: Relayed.loopback,
            port: try TCPListener.port(of: relayed.destination))
        try relayed.relay.start([place])
        var pairs = try (0..<20).map { _ in try relayed.pair() }
        pairs.append((Peer(try UnixSocket.connect(to: path)), try relayed.accept()))
        let start = Clock.milliseconds()
        relayed.relay.cut("the guest is gone")
        for (client, destination) in pairs {
            #expect(try client.readToEnd().bytes.isEmpty)
            #expect(try destination.readToEnd().end == .failed(ECONNRESET))
        }
        #expect(Clock.milliseconds() - start < 60_000)
        try relayed.waitForOpen(0)
        // The listening sockets are still held here.
        #expect { try relayed.connect() } throws: { ($0 as? SystemError)?.errno == ECONNREFUSED }
        #expect { try UnixSocket.connect(to: path) } throws: {
            ($0 as? SystemError)?.errno == ECONNREFUSED
        }
        #expect(throws: RelayError.ended("the guest is gone")) {
            try relayed.relay.start([place])
        }
        relayed.relay.cut("again")
    }

    @Test func `a cut hangs up on those who wait for their destination`() throws {
        var limits = RelayLimits()
        // Nothing but the cut ends them.
        limits.connectMilliseconds = 300_000
        let relayed = try Relayed(limits: limits)
        #expect(listen(relayed.destination.raw, 0) == 0)
        let port = try TCPListener.port(of: relayed.destination)
        let waiting = Peer(try StreamSocket.connect(address: Relayed.loopback, port: port))
        let client = try relayed.connect()
        try relayed.waitForOpen(1)
        relayed.relay.cut("test")
        #expect(try client.readToEnd().bytes.isEmpty)
        try relayed.waitForOpen(0)
        withExtendedLifetime(waiting) {}
    }

    @Test func `a stop delivers what is held, and ends`() throws {
        let relayed = try Relayed(buffers: 1 << 16)
        let (client, destination) = try relayed.pair()
        let (idle, idleDestination) = try relayed.pair()
        _ = try client.stuff(limit: 40 << 20)
        let held = relayed.relay.figures.bytesFromClients
        let reader = try Beside { try destination.readToEnd().bytes.count }
        relayed.relay.stop(graceMilliseconds: 60_000)
        #expect(UInt64(try reader.get()) >= held)
        #expect(try idle.readToEnd() == ([], .end))
        #expect(try idleDestination.readToEnd() == ([], .end))
        #expect(relayed.relay.figures.open == 0)
        #expect { try relayed.connect() } throws: { ($0 as? SystemError)?.errno == ECONNREFUSED }
    }

    @Test func `a stop does not wait longer than it is told`() throws {
        let relayed = try Relayed(buffers: 1 << 16)
        let (client, destination) = try relayed.pair()
        _ = try client.stuff(limit: 40 << 20)
        let start = Clock.milliseconds()
        relayed.relay.stop(graceMilliseconds: 200)
        // The destination would hold it up for a minute.
        #expect(Clock.milliseconds() - start < 45_000)
        #expect(try client.readToEnd().end == .failed(ECONNRESET))
        #expect(relayed.relay.figures.open == 0)
        withExtendedLifetime(destination) {}
    }

    @Test func `refuses what is no listening socket`() throws {
        let relay = Relay()
        let (reader, writer) = try Descriptors.pipe()
        #expect(throws: RelayError.self) {
            try relay.start([RelayListener(socket: reader, address: Relayed.loopback, port: 1)])
        }
        relay.stop(graceMilliseconds: 0)
        withExtendedLifetime(writer) {}
    }
}
