import BlockDevice
import NBDWire
import Platform
import Testing

@testable import NBDServer

/// What clients that do not take their answers can hold of the server's memory.
@Suite(.serialized) struct MemoryTests {
    private static let total = 8 << 20
    private static let slack = 3 << 20

    private func serve(_ disk: TestDisk, stallSeconds: Int = 20) throws -> Served {
        var limits = NBDServerLimits()
        limits.totalBytes = Self.total
        limits.shortStallSeconds = stallSeconds
        return try Served(disk, limits: limits)
    }

    /// A client that asks for much and takes nothing; the sockets' buffers hold what they can.
    private func hog(_ served: Served, length: UInt64) throws -> RawClient {
        let client = try RawClient(served)
        try client.start()
        for cookie in 0..<64 {
            try client.send(NBDRequest(.read, cookie: UInt64(cookie), length: length))
        }
        return client
    }

    @Test(arguments: [true, false])
    func `answers that nobody takes count, and have a bound`(isImmediate: Bool) throws {
        let disk = TestDisk(
            size: 4 << 20, capabilities: isImmediate ? [.write, .immediateReads] : [.write])
        let served = try serve(disk)
        let budget = served.server.core.budget
        let hogs = try (0..<24).map { _ in
            try hog(served, length: isImmediate ? 500_000 : 2 << 20)
        }
        #expect(try served.wait { budget.isTight })
        var most = 0
        for _ in 0..<40 {
            most = max(most, budget.used)
            _ = try Descriptors.poll([], milliseconds: 5)
        }
        #expect(most > Self.total / 2 && most <= Self.total + Self.slack, "\(most)")
        // Whoever asks for little is still served.
        let client = try RawClient(served)
        try client.start()
        for cookie in 0..<20 {
            try client.send(NBDRequest(.read, cookie: UInt64(cookie), length: 4096))
            #expect(try client.reply().cookie == UInt64(cookie))
            _ = try client.read(4096)
        }
        #expect(hogs.count == 24)
    }

    @Test func `memory comes back when clients leave`() throws {
        let served = try serve(TestDisk(size: 4 << 20, capabilities: [.write]))
        let budget = served.server.core.budget
        var hogs = try (0..<8).map { _ in try hog(served, length: 2 << 20) }
        #expect(try served.wait { budget.isTight })
        hogs.removeAll()
        #expect(try served.wait { budget.used == 0 })
        let client = try RawClient(served)
        try client.start()
        try client.send(NBDRequest(.read, cookie: 1, length: 4 << 20))
        #expect(try client.reply().cookie == 1)
        _ = try client.read(4 << 20)
        #expect(try served.wait { budget.used == 0 })
    }

    @Test func `who takes nothing is sent away while others wait`() throws {
        let served = try serve(
            TestDisk(size: 4 << 20, capabilities: [.write]), stallSeconds: 1)
        let hogs = try (0..<8).map { _ in try hog(served, length: 2 << 20) }
        #expect(try served.wait { served.server.core.budget.isTight })
        let client = try RawClient(served)
        try client.start()
        try client.send(NBDRequest(.read, cookie: 1, length: 4 << 20))
        #expect(try client.reply().cookie == 1)
        _ = try client.read(4 << 20)
        #expect(hogs.count == 8)
    }

    @Test func `writes that wait for the disk count, and all are done in the end`() throws {
        let disk = TestDisk(size: 4 << 20, capabilities: [.write])
        let served = try serve(disk)
        let budget = served.server.core.budget
        try disk.hold()
        let payload = [UInt8](repeating: 7, count: 60_000)
        let clients = try (0..<8).map { _ in try RawClient(served) }
        for client in clients { try client.start() }
        let senders = clients.map { client in
            Sender {
                for cookie in 0..<40 {
                    try client.send(
                        NBDRequest(.write, cookie: UInt64(cookie), length: 60_000),
                        payload: payload)
                }
            }
        }
        #expect(try served.wait { budget.isTight })
        #expect(budget.used <= Self.total + Self.slack)
        disk.release()
        for client in clients { for _ in 0..<40 { _ = try client.reply() } }
        for sender in senders { #expect(sender.finish()) }
        #expect(try served.wait { budget.used == 0 })
        #expect(disk.counts.writes == 320)
    }
}
