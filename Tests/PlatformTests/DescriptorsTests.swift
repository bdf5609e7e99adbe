import Glibc
import Platform
import Testing

@Suite struct DescriptorsTests {
    @Test func `every descriptor is close-on-exec`() throws {
        let (reader, writer) = try Descriptors.pipe()
        let (left, right) = try Descriptors.socketPair(packets: true)
        let file = try Files.open("/dev/null", .readOnly)
        for descriptor in [reader, writer, left, right, file, try file.duplicate()] {
            let text = try Files.readText("/proc/self/fdinfo/\(descriptor.raw)")
            let flags = text.split(separator: "\n").first { $0.hasPrefix("flags:") } ?? ""
            let octal = flags.split(separator: "\t").last.map(String.init) ?? ""
            #expect((Int32(octal, radix: 8) ?? 0) & O_CLOEXEC != 0, "\(flags)")
        }
    }

    @Test func `waiting ends when its time is up`() throws {
        let (reader, writer) = try Descriptors.pipe()
        #expect(try Descriptors.waitReadable(reader.raw, milliseconds: 20) == false)
        try Files.writeAll([1], to: writer.raw)
        #expect(try Descriptors.waitReadable(reader.raw, milliseconds: 60_000))
    }

    @Test func `reads exactly what was asked for, across writes`() throws {
        let (reader, writer) = try Descriptors.pipe()
        try Files.writeAll([1, 2, 3], to: writer.raw)
        try Files.writeAll([4, 5], to: writer.raw)
        let deadline = Clock.milliseconds() + 60_000
        #expect(
            try Descriptors.readExactly(reader.raw, count: 4, deadlineMilliseconds: deadline)
                == [1, 2, 3, 4])
    }

    @Test func `an early end and a time-out are told apart`() throws {
        let (reader, writer) = try Descriptors.pipe()
        var error = #expect(throws: SystemError.self) {
            try Descriptors.readExactly(
                reader.raw, count: 1, deadlineMilliseconds: Clock.milliseconds() + 20)
        }
        #expect(error?.errno == ETIMEDOUT)
        let (left, right) = try Descriptors.socketPair()
        #expect(shutdown(right.raw, Int32(SHUT_WR)) == 0)
        error = #expect(throws: SystemError.self) {
            try Descriptors.readExactly(
                left.raw, count: 1, deadlineMilliseconds: Clock.milliseconds() + 60_000)
        }
        #expect(error?.errno == ECONNRESET)
        withExtendedLifetime(writer) {}
    }

    @Test func `poll passes over negative descriptors`() throws {
        let (reader, writer) = try Descriptors.pipe()
        try Files.writeAll([1], to: writer.raw)
        let ready = try Descriptors.poll(
            [(-1, .readable), (reader.raw, .readable), (writer.raw, .writable)], milliseconds: 0)
        #expect(ready == [[], .readable, .writable])
    }

    @Test func `passes descriptors with a message`() throws {
        let (left, right) = try Descriptors.socketPair(packets: true)
        let (reader, writer) = try Descriptors.pipe()
        try Descriptors.send([42], descriptors: [writer.raw], over: left.raw)
        let message = try Descriptors.receive(over: right.raw)
        #expect(message.bytes == [42])
        let passed = try #require(message.descriptors.first)
        #expect(message.descriptors.count == 1)
        #expect(passed.raw != writer.raw)
        try Files.writeAll([7], to: passed.raw)
        #expect(try Descriptors.readSome(reader.raw, limit: 8) == [7])
    }

    @Test func `refuses more descriptors than a message may carry`() throws {
        let (left, right) = try Descriptors.socketPair(packets: true)
        let many = [Int32](repeating: left.raw, count: 17)
        let error = #expect(throws: SystemError.self) {
            try Descriptors.send([1], descriptors: many, over: right.raw)
        }
        #expect(error?.errno == EINVAL)
    }

    @Test func `the end of the other side is an empty message`() throws {
        let (left, right) = try Descriptors.socketPair(packets: true)
        #expect(shutdown(left.raw, Int32(SHUT_WR)) == 0)
        let message = try Descriptors.receive(over: right.raw)
        #expect(message.bytes.isEmpty && message.descriptors.isEmpty)
    }
}
