import BlockDevice
import FileSystemLab
import NBDWire
import Platform
import Testing

@testable import NBDServer

/// The server over real sockets, with a client that keeps to nothing.
@Suite(.serialized) struct ConnectionTests {
    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test(arguments: [true, false])
    func `what was written is read, at any offset and length`(onLoop: Bool) throws {
        let capabilities: BlockCapabilities =
            onLoop ? [.write, .immediateReads, .immediateWrites] : [.write]
        let disk = TestDisk(size: 4 << 20, capabilities: capabilities)
        let client = try RawClient(try Served(disk))
        try client.start()
        let ranges = [(0, 1), (3, 511), (4095, 4097), (65_536, 131_073), (1_000_001, 2_000_003)]
        for (index, (offset, count)) in ranges.enumerated() {
            let data = pattern(count)
            let cookie = UInt64(index)
            try client.send(
                NBDRequest(.write, cookie: cookie, offset: UInt64(offset), length: UInt64(count)),
                payload: data)
            #expect(try client.reply() == NBDSimpleReply(cookie: cookie))
            try client.send(
                NBDRequest(.read, cookie: cookie, offset: UInt64(offset), length: UInt64(count)))
            #expect(try client.reply() == NBDSimpleReply(cookie: cookie))
            #expect(try client.read(count) == data)
        }
    }

    @Test func `a request sent byte by byte is one request`() throws {
        let disk = TestDisk()
        let client = try RawClient(try Served(disk))
        try client.start()
        var header = [UInt8](repeating: 0, count: 28)
        header.withUnsafeMutableBytes {
            NBDRequest(.write, cookie: 9, offset: 7, length: 5).encode(.simple, into: $0)
        }
        for byte in header + [1, 2, 3, 4, 5] { try client.send([byte]) }
        #expect(try client.reply() == NBDSimpleReply(cookie: 9))
        #expect(Array(disk.bytes[7..<12]) == [1, 2, 3, 4, 5])
    }

    @Test func `many requests in one piece are all answered`() throws {
        let disk = TestDisk(capabilities: [.write, .immediateReads])
        let client = try RawClient(try Served(disk))
        try client.start()
        var bytes: [UInt8] = []
        for cookie in 0..<500 {
            var header = [UInt8](repeating: 0, count: 28)
            header.withUnsafeMutableBytes {
                NBDRequest(.read, cookie: UInt64(cookie), offset: 0, length: 512)
                    .encode(.simple, into: $0)
            }
            bytes += header
        }
        try client.send(bytes)
        var seen: Set<UInt64> = []
        for _ in 0..<500 {
            seen.insert(try client.reply().cookie)
            _ = try client.read(512)
        }
        #expect(seen == Set(0..<500))
    }

    @Test func `a refused write's payload is passed over`() throws {
        let disk = TestDisk()
        let client = try RawClient(try Served(disk, isReadOnly: true))
        try client.start()
        let payload = pattern(300_000)
        let write = NBDRequest(.write, cookie: 1, length: UInt64(payload.count))
        try client.send(write, payload: payload)
        #expect(try client.reply() == NBDSimpleReply(error: .notPermitted, cookie: 1))
        try client.send(NBDRequest(.flush, cookie: 2))
        #expect(try client.reply() == NBDSimpleReply(cookie: 2))
        #expect(disk.counts.writes == 0)
    }

    @Test func `a failing read tells an error and spoils no other`() throws {
        let disk = TestDisk()
        disk.fail(at: 5000)
        let client = try RawClient(try Served(disk))
        try client.start()
        try client.send(NBDRequest(.read, cookie: 1, offset: 4096, length: 4096))
        #expect(try client.reply() == NBDSimpleReply(error: .inputOutput, cookie: 1))
        try client.send(NBDRequest(.read, cookie: 2, offset: 8192, length: 512))
        #expect(try client.reply() == NBDSimpleReply(cookie: 2))
        _ = try client.read(512)
    }

    @Test func `a disconnect waits for what is in work`() throws {
        let disk = TestDisk(capabilities: [.write])
        let client = try RawClient(try Served(disk))
        try client.start()
        try disk.hold()
        try client.send(NBDRequest(.write, cookie: 1, length: 4), payload: [1, 2, 3, 4])
        try client.send(NBDRequest(.disconnect, cookie: 2))
        #expect(try disk.waitForHeld(1))
        disk.release()
        #expect(try client.reply() == NBDSimpleReply(cookie: 1))
        #expect(try client.isClosed())
    }

    @Test func `a wrong magic number ends the connection`() throws {
        let client = try RawClient(try Served(TestDisk()))
        try client.start()
        try client.send([UInt8](repeating: 0xaa, count: 28))
        #expect(try client.isClosed())
    }

    @Test func `a client that leaves in the middle of anything leaves nothing behind`() throws {
        let disk = TestDisk(size: 1 << 20)
        let served = try Served(disk)
        for _ in 0..<20 {
            let early = try RawClient(served)
            try early.send([0, 0])
            let late = try RawClient(served)
            try late.start()
            let request = NBDRequest(.write, cookie: 1, length: 500_000)
            try late.send(request, payload: pattern(100_000))
        }
        #expect(try served.waitForConnections(0))
        #expect(disk.counts.writes == 0)
    }
}
