import Platform
import Testing

@testable import Lines

@Suite struct LineChannelTests {
    @Test func `values arrive in order, also when they come in one packet`() throws {
        let (left, right) = try Descriptors.socketPair()
        let sender = LineChannel(left)
        let receiver = LineChannel(right)
        try sender.send("one")
        try sender.send("two\nlines")
        for expected in ["one", "two\nlines"] {
            #expect(try receiver.receive(String.self) == expected)
        }
    }

    @Test func `the end of the other side is nil`() throws {
        var (left, right): (OwnedFD?, OwnedFD) = try Descriptors.socketPair()
        let receiver = LineChannel(right)
        withExtendedLifetime(left) {}
        left = nil
        #expect(try receiver.receive(String.self, milliseconds: 60_000) == nil)
        right = try Descriptors.socketPair().0
    }

    @Test func `who takes nothing is given up, and no line is cut into another`() throws {
        let (left, right) = try Descriptors.socketPair()
        let sender = LineChannel(left, sendLimit: 50)
        let line = String(repeating: "x", count: 1 << 19)
        #expect(throws: (any Error).self) {
            for _ in 0..<64 { try sender.send(line) }
        }
        // There is room again, but the last line is not whole.
        _ = try Descriptors.readSome(right.raw, limit: 1 << 20)
        #expect(throws: LineError.silent) { try sender.send("y") }
    }

    @Test func `silence and garbage are errors`() throws {
        let (left, right) = try Descriptors.socketPair()
        let receiver = LineChannel(right)
        #expect(throws: LineError.silent) {
            try receiver.receive(String.self, milliseconds: 10)
        }
        try Files.writeAll(Array("not json\n".utf8), to: left.raw)
        #expect(throws: (any Error).self) {
            try receiver.receive(String.self, milliseconds: 60_000)
        }
    }
}
