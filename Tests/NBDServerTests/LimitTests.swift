import BlockDevice
import NBDWire
import Platform
import Testing

@testable import NBDServer

/// What one client, and many, can take from the server.
@Suite(.serialized) struct LimitTests {
    private func limits(_ change: (inout NBDServerLimits) -> Void) -> NBDServerLimits {
        var limits = NBDServerLimits()
        change(&limits)
        return limits
    }

    @Test func `a thousand idle connections do not keep another from being served`() throws {
        let served = try Served(TestDisk())
        let idle = try (0..<1000).map { _ in
            let client = try RawClient(served)
            try client.start()
            return client
        }
        let client = try RawClient(served)
        try client.start()
        try client.send(NBDRequest(.read, cookie: 1, length: 512))
        #expect(try client.reply() == NBDSimpleReply(cookie: 1))
        #expect(served.server.status.connections == 1001 && idle.count == 1000)
    }

    @Test func `one connection too many is closed, and room is given back`() throws {
        let served = try Served(TestDisk(), limits: limits { $0.connections = 2 })
        var clients = [try RawClient(served), try RawClient(served)]
        #expect(throws: (any Error).self) { try RawClient(served) }
        clients.removeLast()
        #expect(try served.waitForConnections(1))
        clients.append(try RawClient(served))
        #expect(clients.count == 2)
    }

    @Test func `a peer that is not allowed hears nothing`() throws {
        let export = NBDExport(name: "disk", device: TestDisk())
        let served = try Served([export], allow: { $0 != .local })
        #expect(throws: (any Error).self) { try RawClient(served) }
        #expect(served.server.status.connections == 0)
    }

    @Test func `a handshake that takes too long ends`() throws {
        let served = try Served(TestDisk(), limits: limits { $0.handshakeSeconds = 5 })
        // Must be through in time, so nothing comes before it.
        let ready = try RawClient(served)
        try ready.start()
        let silent = try RawClient(served)
        let slow = try RawClient(served)
        try slow.send(NBDClientFlags.all.encoded + [0x49])
        #expect(try silent.isClosed())
        #expect(try slow.isClosed())
        try ready.send(NBDRequest(.flush, cookie: 1))
        #expect(try ready.reply() == NBDSimpleReply(cookie: 1))
    }

    @Test func `half a request that gets no longer ends, an idle connection does not`() throws {
        let served = try Served(TestDisk(), limits: limits { $0.stallSeconds = 1 })
        let idle = try RawClient(served)
        try idle.start()
        let header = try RawClient(served)
        try header.start()
        try header.send([0x25, 0x60])
        let payload = try RawClient(served)
        try payload.start()
        let write = NBDRequest(.write, cookie: 1, length: 1000)
        try payload.send(write, payload: [1, 2, 3])
        #expect(try header.isClosed())
        #expect(try payload.isClosed())
        try idle.send(NBDRequest(.flush, cookie: 1))
        #expect(try idle.reply() == NBDSimpleReply(cookie: 1))
    }

    @Test func `requests beyond the limit wait, and are served in the end`() throws {
        let disk = TestDisk(capabilities: [.write])
        let served = try Served(disk, limits: limits { $0.requests = 4 })
        let client = try RawClient(served)
        try client.start()
        try disk.hold()
        for cookie in 0..<64 {
            try client.send(NBDRequest(.read, cookie: UInt64(cookie), length: 512))
        }
        #expect(try disk.waitForHeld(2))
        // Two are being read, and two wait; the others stay in the socket.
        #expect(try served.wait { served.server.status.requests == 4 })
        disk.release()
        var seen: Set<UInt64> = []
        for _ in 0..<64 {
            seen.insert(try client.reply().cookie)
            _ = try client.read(512)
        }
        #expect(seen == Set(0..<64))
    }

    @Test func `large payloads of all connections share a bound, and all are written`() throws {
        let disk = TestDisk(size: 1 << 20, capabilities: [.write])
        let served = try Served(disk, limits: limits { $0.totalBytes = 300_000 })
        let clients = try (0..<6).map { _ in try RawClient(served) }
        for client in clients { try client.start() }
        let payload = [UInt8](repeating: 7, count: 150_000)
        // Small enough for the sockets' buffers only in part: the senders run beside.
        let senders = clients.enumerated().map { index, client in
            Sender {
                let request = NBDRequest(
                    .write, cookie: 1, offset: UInt64(index * 150_000), length: 150_000)
                try client.send(request, payload: payload)
            }
        }
        for client in clients { #expect(try client.reply() == NBDSimpleReply(cookie: 1)) }
        for sender in senders { #expect(sender.finish()) }
        #expect(disk.bytes[..<900_000].allSatisfy { $0 == 7 })
    }

    @Test func `a client that does not listen is not read from any more`() throws {
        let disk = TestDisk(size: 1 << 20, capabilities: [.write, .immediateReads])
        let served = try Served(disk)
        let client = try RawClient(served)
        try client.start()
        // 64 GiB of answers are asked for; a server that went on would hold them all.
        let sender = Sender {
            for cookie in 0..<65_536 {
                try client.send(NBDRequest(.read, cookie: UInt64(cookie), length: 1 << 20))
            }
        }
        let other = try RawClient(served)
        try other.start()
        for cookie in 0..<50 {
            try other.send(NBDRequest(.read, cookie: UInt64(cookie), length: 1 << 16))
            _ = try other.reply()
            _ = try other.read(1 << 16)
        }
        #expect(disk.counts.reads < 200)
        served.server.stop(graceMilliseconds: 0)
        #expect(!sender.finish())
    }
}
