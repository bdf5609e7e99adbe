import Platform
import Testing

@Suite struct PacketSocketTests {
    @Test func `the loopback interface is what it is`() throws {
        let interface = try NetworkInterface.named("lo")
        #expect(interface.isLoopback && interface.isEthernet && interface.index > 0)
        #expect(interface.hardware == [0, 0, 0, 0, 0, 0] && interface.mtu > 1000)
    }

    @Test(arguments: ["", "none-such", String(repeating: "x", count: 40)])
    func `an interface that is not there is an error`(name: String) {
        let error = #expect(throws: SystemError.self) { try NetworkInterface.named(name) }
        #expect(error?.errno == 19)
    }

    @Test func `frames come together, whole or not at all`() throws {
        let (sender, right) = try Descriptors.socketPair(packets: true)
        try PacketSocket.setTimeout(right.raw, milliseconds: 100)
        let head: [UInt8] = [1, 2, 3]
        let body = [UInt8](repeating: 9, count: 61)
        var queue = FrameQueue()
        let sent = head.withUnsafeBytes { head in
            body.withUnsafeBytes { body in
                queue.add(head: head, body: UnsafeRawBufferPointer(start: nil, count: 0))
                queue.add(head: head, body: body)
                queue.add(head: body, body: body)
                return queue.send(sender.raw)
            }
        }
        let left = queue.count
        #expect(sent == 0 && left == 0)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * 64, alignment: 1)
        defer { memory.deallocate() }
        var places = FramePlaces(count: 4)
        for place in 0..<4 {
            places.set(place, to: .init(rebasing: memory[place * 64..<(place + 1) * 64]))
        }
        let count = places.receive(right.raw)
        #expect(count == 3)
        let frames = (0..<3).map { places.bytes($0).map(Array.init) }
        #expect(frames == [head, head + body, nil])
        let nothing = places.receive(right.raw)
        #expect(PacketSocket.isEmpty(nothing))
    }

    @Test func `more frames than fit are sent in order, and a full queue says so`() throws {
        let (left, right) = try Descriptors.socketPair(packets: true)
        var queue = FrameQueue()
        let numbers = (0..<PacketSocket.batch).map { UInt8($0) }
        let (isFull, result) = numbers.withUnsafeBytes { bytes in
            for place in bytes.indices {
                let head = UnsafeRawBufferPointer(rebasing: bytes[place...place])
                queue.add(head: head, body: UnsafeRawBufferPointer(start: nil, count: 0))
            }
            return (queue.isFull, queue.send(left.raw))
        }
        #expect(isFull && result == 0)
        for number in numbers {
            #expect(try Descriptors.readSome(right.raw, limit: 8) == [number])
        }
    }

    @Test func `a thread runs what it is given`() throws {
        let (reader, writer) = try Descriptors.pipe()
        try WorkerThread.start { try? Files.writeAll([7], to: writer.raw) }
        #expect(try Descriptors.readSome(reader.raw, limit: 8) == [7])
    }
}
