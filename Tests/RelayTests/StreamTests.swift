import Glibc
import Platform
import Relay
import Testing

/// What is carried, and how directions end.
@Suite struct StreamTests {
    /// Sends everything back until the peer has said all.
    private func echo(_ peer: Peer) throws {
        while true {
            guard try Descriptors.waitReadable(peer.socket.raw, milliseconds: 60_000) else {
                throw RelayedError.late("nothing to send back")
            }
            let bytes = try Descriptors.readSome(peer.socket.raw, limit: 300_000)
            if bytes.isEmpty { return peer.endOutput() }
            try peer.send(bytes)
        }
    }

    @Test func `carries many bytes both ways at a time`() throws {
        let relayed = try Relayed()
        let (client, destination) = try relayed.pair()
        let bytes = pattern(24 << 20)
        let echo = try Beside { try self.echo(destination) }
        let sender = try Beside {
            try client.send(bytes)
            client.endOutput()
        }
        let (back, end) = try client.readToEnd()
        try sender.get()
        try echo.get()
        #expect(end == .end)
        #expect(back == bytes)
        try relayed.waitForOpen(0)
        var expected = RelayFigures()
        expected.total = 1
        expected.bytesFromClients = UInt64(bytes.count)
        expected.bytesToClients = UInt64(bytes.count)
        #expect(relayed.relay.figures == expected)
    }

    @Test func `carries from a Unix socket, whose client may be gone before its bytes are`() throws
    {
        let relayed = try Relayed()
        let path = "/tmp/causeway-relay-\(getpid())-\(relayed.port)"
        let listener = try UnixSocket.listen(at: path)
        defer { try? Files.remove(path) }
        try relayed.relay.start([
            RelayListener(
                socket: listener, address: Relayed.loopback,
                port: try TCPListener.port(of: relayed.destination))
        ])
        let bytes = pattern(100_000)
        let client = Peer(try UnixSocket.connect(to: path))
        let destination = try relayed.accept()
        try destination.send([1, 2, 3])
        #expect(try client.read(3) == [1, 2, 3])
        try client.send(bytes)
        #expect(try destination.read(bytes.count) == bytes)

        do {
            let leaving = Peer(try UnixSocket.connect(to: path))
            try leaving.send(bytes)
        }
        #expect(try relayed.accept().readToEnd().bytes == bytes)
        try relayed.waitForOpen(1)
    }

    @Test func `carries the end of the client's direction, and answers after it`() throws {
        let relayed = try Relayed()
        let (client, destination) = try relayed.pair()
        try client.send([1, 2, 3])
        client.endOutput()
        #expect(try destination.readToEnd() == ([1, 2, 3], .end))
        let answer = pattern(3 << 20)
        let sender = try Beside {
            try destination.send(answer)
            destination.endOutput()
        }
        let (bytes, end) = try client.readToEnd()
        try sender.get()
        #expect(bytes == answer)
        #expect(end == .end)
        try relayed.waitForOpen(0)
    }

    @Test func `carries the end of the destination's direction, and questions after it`() throws {
        let relayed = try Relayed()
        let (client, destination) = try relayed.pair()
        try destination.send([4, 5])
        destination.endOutput()
        #expect(try client.readToEnd() == ([4, 5], .end))
        let question = pattern(3 << 20)
        let sender = try Beside {
            try client.send(question)
            client.endOutput()
        }
        let (bytes, end) = try destination.readToEnd()
        try sender.get()
        #expect(bytes == question)
        #expect(end == .end)
        try relayed.waitForOpen(0)
    }

    @Test func `carries bytes that were sent and ended before the destination was reached`() throws
    {
        let relayed = try Relayed()
        let client = try relayed.connect()
        try client.send([9, 8, 7])
        client.endOutput()
        let destination = try relayed.accept()
        destination.endOutput()
        #expect(try destination.readToEnd() == ([9, 8, 7], .end))
        #expect(try client.readToEnd() == ([], .end))
        try relayed.waitForOpen(0)
    }

    @Test func `delivers all to a slow reader whose peer has long ended`() throws {
        let relayed = try Relayed(buffers: 1 << 16)
        let (client, destination) = try relayed.pair()
        let bytes = pattern(5 << 20)
        let sender = try Beside {
            try destination.send(bytes)
            destination.endOutput()
        }
        try relayed.wait { $0.bytesToClients > 1 << 19 }
        let (got, end) = try client.readToEnd()
        try sender.get()
        #expect(got == bytes)
        #expect(end == .end)
    }

    @Test func `keeps two hundred connections apart`() throws {
        let relayed = try Relayed()
        let clients = try (0..<200).map { _ in try relayed.connect() }
        let server = try Beside {
            for _ in clients {
                let peer = try relayed.accept()
                // Each keeps its connection open until all are there.
                _ = try Beside { try self.echo(peer) }
            }
        }
        for (index, client) in clients.enumerated() {
            try client.send(pattern(10_000, seed: UInt64(index)))
        }
        try server.get()
        #expect(relayed.relay.figures.open == 200)
        for (index, client) in clients.enumerated().reversed() {
            #expect(try client.read(10_000) == pattern(10_000, seed: UInt64(index)))
            client.endOutput()
            #expect(try client.readToEnd() == ([], .end))
        }
        try relayed.waitForOpen(0)
        #expect(relayed.relay.figures.total == 200)
    }
}
