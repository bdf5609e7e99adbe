import Glibc
import Platform
import Testing

@Suite struct BlockIOTests {
    private func file(_ size: UInt64) throws -> OwnedFD {
        try MemoryFile.make(named: "test", content: [], size: size)
    }

    @Test func `what is written at an offset is read there`() throws {
        let file = try file(10_000)
        var bytes = [UInt8](repeating: 7, count: 300)
        #expect(
            bytes.withUnsafeBytes {
                BlockIO.write(file.raw, at: 9800, from: $0, durable: true)
            } == 300)
        bytes = [UInt8](repeating: 0, count: 300)
        let got = bytes.withUnsafeMutableBytes { BlockIO.read(file.raw, at: 9900, into: $0) }
        // The file has grown by 100 bytes, and ends there.
        #expect(got == 200 && bytes[..<200].allSatisfy { $0 == 7 } && bytes[200] == 0)
        #expect(BlockIO.sync(file.raw) == 0)
    }

    @Test func `holes are found and made`() throws {
        let file = try file(1 << 20)
        let bytes = [UInt8](repeating: 7, count: 65_536)
        _ = bytes.withUnsafeBytes { BlockIO.write(file.raw, at: 65_536, from: $0, durable: false) }
        #expect(BlockIO.nextData(file.raw, from: 0) == 65_536)
        #expect(BlockIO.nextHole(file.raw, from: 65_536) == 131_072)
        #expect(BlockIO.punch(file.raw, at: 65_536, count: 65_536) == 0)
        #expect(BlockIO.nextData(file.raw, from: 0) == -Int(ENXIO))
    }

    @Test func `errors come as numbers`() throws {
        let pipe = try Descriptors.pipe()
        var bytes = [UInt8](repeating: 0, count: 8)
        let got = bytes.withUnsafeMutableBytes { BlockIO.read(pipe.0.raw, at: 0, into: $0) }
        #expect(got == -Int(ESPIPE))
        #expect(BlockIO.discard(pipe.0.raw, at: 0, count: 512) == -Int(ENOTTY))
    }

    @Test func `a message passes in pieces, and a silent peer is given up`() throws {
        let (left, right) = try Descriptors.socketPair()
        try StreamIO.prepare(left)
        try StreamIO.prepare(right)
        let body = [UInt8](repeating: 3, count: 3 << 20)
        let deadline = Clock.nanoseconds() + 60_000_000_000
        let result = Condition<Int?>(nil)
        // A thread of its own: a queue's may all be busy.
        try WorkerThread.start {
            let sent = [UInt8](repeating: 1, count: 28).withUnsafeBytes { head in
                body.withUnsafeBytes {
                    StreamIO.send(left.raw, head: head, body: $0, deadline: deadline)
                }
            }
            result.change { $0 = sent }
        }
        var bytes = [UInt8](repeating: 0, count: body.count + 28)
        let received = bytes.withUnsafeMutableBytes {
            StreamIO.receive(right.raw, atLeast: $0.count, into: $0, deadline: deadline)
        }
        #expect(received == bytes.count)
        #expect(Array(bytes[..<28]) == [UInt8](repeating: 1, count: 28))
        #expect(bytes[28...].allSatisfy { $0 == 3 })
        #expect(result.wait(milliseconds: 60_000) { $0 } == 0)
        let start = Clock.milliseconds()
        var byte: [UInt8] = [0]
        let got = byte.withUnsafeMutableBytes {
            StreamIO.receive(
                right.raw, atLeast: 1, into: $0, deadline: Clock.nanoseconds() + 100_000_000)
        }
        #expect(got == -Int(ETIMEDOUT))
        #expect(Clock.milliseconds() - start < 60_000)
        StreamIO.end(left)
        let end = byte.withUnsafeMutableBytes {
            StreamIO.receive(
                right.raw, atLeast: 1, into: $0, deadline: Clock.nanoseconds() + 60_000_000_000)
        }
        #expect(end == -Int(ECONNRESET))
    }

    @Test func `a condition wakes who waits, and gives up in time`() throws {
        let condition = Condition(0)
        let start = Clock.milliseconds()
        let nothing: Int? = condition.wait(milliseconds: 50) { $0 > 0 ? $0 : nil }
        #expect(nothing == nil && (50..<60_000).contains(Clock.milliseconds() - start))
        try WorkerThread.start { for _ in 0..<100 { condition.change { $0 += 1 } } }
        let found: Int? = condition.wait(milliseconds: 60_000) { $0 > 99 ? $0 : nil }
        #expect(found == 100)
    }
}
