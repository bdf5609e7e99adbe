import Platform
import Testing

@Suite struct UnixSocketTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `connects, and says who is at the other end`() throws {
        let path = "\(scratch.path)/socket"
        let listener = try UnixSocket.listen(at: path)
        let client = try UnixSocket.connect(to: path)
        let server = try UnixSocket.accept(listener)
        #expect(try UnixSocket.peerUser(server) == Host.user)
        try Files.writeAll([5], to: client.raw)
        #expect(try Descriptors.readSome(server.raw, limit: 8) == [5])
    }

    @Test func `a name that was left behind is told from one that is served`() throws {
        let path = "\(scratch.path)/socket"
        var listener: OwnedFD? = try UnixSocket.listen(at: path)
        // More than may wait.
        for _ in 0..<20 { #expect(try UnixSocket.isServed(path)) }
        withExtendedLifetime(listener) {}
        listener = nil
        #expect(try soon { try !UnixSocket.isServed(path) })
        let file = "\(scratch.path)/file"
        try Files.replace(file, with: [1])
        #expect(throws: SystemError.self) { try UnixSocket.isServed(file) }
        #expect(throws: SystemError.self) { try UnixSocket.isServed("\(scratch.path)/none") }
    }

    @Test func `refuses a path that is taken or longer than a socket's name`() throws {
        let path = "\(scratch.path)/socket"
        let listener = try UnixSocket.listen(at: path)
        #expect(throws: SystemError.self) { try UnixSocket.listen(at: path) }
        let long = scratch.path + "/" + String(repeating: "x", count: 200)
        #expect(throws: SystemError.self) { try UnixSocket.listen(at: long) }
        withExtendedLifetime(listener) {}
    }
}
