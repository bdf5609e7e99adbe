import Bytes
import Glibc
import NFSWire
import Platform
import Testing

@testable import Bridge

@Suite struct RecordReaderTests {
    private func record(_ count: Int, _ seed: UInt8) -> [UInt8] {
        FakeServer.words([0x8000_0000 | UInt32(count)])
            + (0..<count).map { UInt8(truncatingIfNeeded: $0) &+ seed }
    }

    /// Feeds bytes in pieces and gives the records that come out.
    private func cut(_ bytes: [UInt8], piece: Int, expectsLarge: Bool = false) throws -> [[UInt8]] {
        let (sender, receiver) = try Descriptors.socketPair()
        try sender.setNonblocking(true)
        let reader = RecordReader(pool: BufferPool())
        reader.expectsLarge = expectsLarge
        var records: [[UInt8]] = []
        var rest = bytes[...]
        while true {
            let sent = Array(rest.prefix(piece)).withUnsafeBytes {
                Glibc.write(sender.raw, $0.baseAddress, $0.count)
            }
            rest = rest.dropFirst(max(0, sent))
            var got = 1
            while got > 0 {
                got = try reader.receive(from: receiver.raw) { record in
                    records.append(Array(record.bytes))
                }
            }
            try #require(got == -Int(EAGAIN))
            if rest.isEmpty { return records }
        }
    }

    @Test(arguments: [1, 3, 7, 64, 5_000, 1 << 20], [false, true])
    func `cuts a stream wherever it breaks`(piece: Int, expectsLarge: Bool) throws {
        let counts = piece < 64 ? [8, 9, 100, 8] : [8, 40_000, 100, 300_000, 33_000, 9, 32_768]
        let all = counts.enumerated().map { record($0.element, UInt8($0.offset)) }
        let records = try cut(all.flatMap { $0 }, piece: piece, expectsLarge: expectsLarge)
        #expect(records == all.map { Array($0.dropFirst(4)) })
    }

    @Test func `refuses a record past the limit before it has arrived`() throws {
        #expect(throws: BytesError.self) { try cut([0xff, 0xff, 0xff, 0xff], piece: 4) }
    }

    @Test func `tells the stream's end`() throws {
        let (sender, receiver) = try Descriptors.socketPair()
        shutdown(sender.raw, Int32(SHUT_RDWR))
        let reader = RecordReader(pool: BufferPool())
        #expect(try reader.receive(from: receiver.raw) { _ in } == 0)
    }
}

@Suite struct SendQueueTests {
    @Test func `sends everything in order through a socket that takes little`() throws {
        let (sender, receiver) = try Descriptors.socketPair()
        let pool = BufferPool()
        let buffer = pool.take()
        for index in 0..<600_000 { buffer.memory[index] = UInt8(truncatingIfNeeded: index / 7) }
        var queue = SendQueue()
        var expected: [UInt8] = []
        for index in 0..<50 {
            let head = [UInt8](repeating: UInt8(index), count: 3_000)
            queue.append(head)
            queue.append(buffer, index..<index + 10_000 * (index % 3))
            expected += head + buffer.memory[index..<index + 10_000 * (index % 3)]
        }
        #expect(queue.count == expected.count)
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while received.count < expected.count {
            #expect(queue.flush(to: sender.raw) == 0)
            let got = piece.withUnsafeMutableBytes { RawIO.receive(receiver.raw, into: $0) }
            try #require(got > 0)
            received += piece[..<got]
        }
        #expect(received == expected)
        #expect(queue.isEmpty)
    }

    @Test func `lets go of what was sent`() throws {
        let (sender, receiver) = try Descriptors.socketPair()
        let pool = BufferPool()
        var queue = SendQueue()
        queue.append(pool.take(), 0..<100)
        #expect(pool.lent == 1)
        #expect(queue.flush(to: sender.raw) == 0)
        #expect(pool.lent == 0)
        withExtendedLifetime(receiver) {}
    }

    @Test func `reports a peer that is gone`() throws {
        let (sender, receiver) = try Descriptors.socketPair()
        shutdown(receiver.raw, Int32(SHUT_RDWR))
        var queue = SendQueue()
        queue.append([1, 2, 3])
        #expect(queue.flush(to: sender.raw) == -Int(EPIPE))
    }
}

@Suite struct BridgeHandleTests {
    @Test func `says that a bridge cannot be started, or ends at once`() throws {
        #expect(throws: BridgeError.self) {
            try BridgeHandle.start(executable: "/nowhere/causeway", log: -1)
        }
        let bridge = try BridgeHandle.start(executable: "/bin/true", log: -1)
        #expect(throws: BridgeError.self) { _ = try bridge.waitForLink(milliseconds: 60_000) }
        #expect(throws: BridgeError.self) { try bridge.drain(milliseconds: 100) }
        bridge.guestIsGone(reason: "test")
        #expect(try bridge.process.wait(milliseconds: 60_000) != nil)
    }

    @Test(arguments: [false, true])
    func `a bridge that has drained itself is believed after its end`(
        leavesOrdersUnread: Bool
    ) throws {
        let (ours, theirs) = try Descriptors.socketPair(packets: true)
        let process = try ChildProcess(SpawnOptions(path: "/bin/true", arguments: []))
        let bridge = BridgeHandle(process: process, control: ours)
        var statistics = BridgeStatistics()
        statistics.bytesWritten = 4711
        for message in [BridgeMessage.unmounted, .drained(statistics)] {
            try Descriptors.send(message.encoded, over: theirs.raw)
        }
        if leavesOrdersUnread { bridge.guestIsGone(reason: "test") }
        // As the process's end does it, whoever else holds a copy for a moment.
        shutdown(theirs.raw, Int32(SHUT_RDWR))
        _ = consume theirs
        #expect(try bridge.drain(milliseconds: 30_000) == statistics)
        _ = try process.wait()
    }
}
