import BlockDevice
import Dispatch
import FileSystemLab
import NBDWire
import NIOCore
import NIOPosix
import Platform
import Synchronization
import Testing

@testable import NBDServer

@Suite(.serialized) struct StopTests {
    @Test func `a stop answers what is in work, refuses what is new, and closes`() throws {
        let disk = TestDisk(capabilities: [.write])
        let served = try Served(disk)
        let client = try RawClient(served)
        try client.start()
        let idle = try RawClient(served)
        try idle.start()
        try disk.hold()
        try client.send(NBDRequest(.write, cookie: 1, length: 4), payload: [1, 2, 3, 4])
        #expect(try disk.waitForHeld(1))
        let stop = Sender { served.server.stop(graceMilliseconds: 60_000) }
        #expect(try idle.isClosed())
        #expect(throws: (any Error).self) { try RawClient(served) }
        try client.send(NBDRequest(.write, cookie: 2, length: 4), payload: [9, 9, 9, 9])
        #expect(try client.reply() == NBDSimpleReply(error: .shutdown, cookie: 2))
        disk.release()
        #expect(try client.reply() == NBDSimpleReply(cookie: 1))
        #expect(try client.isClosed())
        #expect(stop.finish())
        #expect(Array(disk.bytes[..<4]) == [1, 2, 3, 4])
        #expect(!Files.exists(served.path))
    }

    @Test func `a stop does not wait longer than it is told`() throws {
        let disk = TestDisk(capabilities: [.write])
        let served = try Served(disk)
        let client = try RawClient(served)
        try client.start()
        try disk.hold()
        try client.send(NBDRequest(.write, cookie: 1, length: 4), payload: [1, 2, 3, 4])
        #expect(try disk.waitForHeld(1))
        let start = Clock.milliseconds()
        served.server.stop(graceMilliseconds: 200)
        // The disk would hold it up for 120 s.
        #expect(Clock.milliseconds() - start < 60_000)
        #expect(try client.isClosed())
        disk.release()
    }

    /// A client that reconnects takes an answer for final, and goes on only after none.
    @Test func `a stop without time cuts clients off, and answers them nothing`() throws {
        let served = try Served(TestDisk())
        let client = try RawClient(served)
        try client.start()
        // While the loops stand still, the client asks and the server is stopped.
        let (standing, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let loops = Array(served.group.makeIterator())
        for loop in loops {
            loop.execute {
                standing.signal()
                gate.wait()
            }
        }
        for _ in loops { #expect(standing.wait(timeout: .now() + 60) == .success) }
        try client.send(NBDRequest(.read, cookie: 1, length: 512))
        let stop = Sender { served.server.stop(graceMilliseconds: 0) }
        let core = served.server.core
        #expect(try served.wait { core.isDraining.load(ordering: .acquiring) })
        for _ in loops { gate.signal() }
        #expect(throws: (any Error).self) { try client.reply() }
        #expect(stop.finish())
    }

    @Test func `a client in the handshake is told that the server goes away`() throws {
        let served = try Served(TestDisk())
        let client = try RawClient(served)
        try client.send(NBDClientFlags.all.encoded)
        let stop = Sender { served.server.stop(graceMilliseconds: 60_000) }
        #expect(try waitForRefusal(served))
        try client.send(NBDOptionHeader.encode(.list))
        let header = try NBDOptionReplyHeader(decoding: try client.read(20))
        #expect(header.type == .shutdown)
        _ = try client.read(Int(header.length))
        try client.send(NBDOptionHeader.encode(.abort))
        #expect(try NBDOptionReplyHeader(decoding: try client.read(20)).type == .ack)
        #expect(try client.isClosed())
        #expect(stop.finish())
    }

    @Test func `a socket that somebody else opened is served`() throws {
        let served = try Served(TestDisk())
        let path = served.folder.path + "/passed"
        let passed = try UnixSocket.listen(at: path)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let disk = NBDExport(name: "other", device: TestDisk(size: 4096))
        let server = try NBDServer(
            configuration: NBDServerConfiguration(exports: [disk]), group: group, pool: pool)
        try server.start(on: [.socket(passed)])
        #expect(server.addresses == [.unix(path: path)])
        let size = try served.shell(
            "print(h.get_size())", uri: "nbd+unix:///other?socket=\(path)")
        #expect(size == "4096\n")
        server.stop(graceMilliseconds: 1000)
        try group.syncShutdownGracefully()
        try pool.syncShutdownGracefully()
    }

    @Test func `a client that is silent in the handshake does not delay a stop`() throws {
        let served = try Served(TestDisk())
        let client = try RawClient(served)
        try client.send(NBDClientFlags.all.encoded)
        let start = Clock.milliseconds()
        served.server.stop(graceMilliseconds: 60_000)
        // A handshake may take 30 s.
        #expect(Clock.milliseconds() - start < 8000)
        #expect(try client.isClosed())
    }

    @Test func `a stop leaves a socket of the same name that somebody else made`() throws {
        let served = try Served(TestDisk())
        try Files.remove(served.path)
        let other = try UnixSocket.listen(at: served.path)
        served.server.stop(graceMilliseconds: 0)
        #expect(Files.exists(served.path))
        withExtendedLifetime(other) {}
    }

    /// Waits until nobody can connect any more.
    private func waitForRefusal(_ served: Served) throws -> Bool {
        let deadline = Clock.milliseconds() + 60_000
        while Clock.milliseconds() < deadline {
            guard (try? RawClient(served)) != nil else { return true }
        }
        return false
    }
}
