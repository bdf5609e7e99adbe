import Bytes
import Glibc
import GuestLink
import GuestWire
import Platform
import Testing

/// A connection whose guest side has already sent these bytes, and that side.
private func connection(
    sending frames: [Frame], milliseconds: Int64 = 60_000
) throws -> (GuestConnection, OwnedFD) {
    let (host, guest) = try Descriptors.socketPair()
    for frame in frames { try Files.writeAll(frame.encoded, to: guest.raw) }
    return (try GuestConnection(host, milliseconds: milliseconds), guest)
}

private let greeting = Greeting(role: .control, kernelRelease: "6.1", uptimeMilliseconds: 9).frame

@Suite struct GuestConnectionTests {
    @Test func `takes a greeting and pairs a reply with its request`() throws {
        let (link, guest) = try connection(sending: [greeting, Reply.position(7).frame(id: 1)])
        #expect(link.greeting.kernelRelease == "6.1")
        let reply = try link.call(.seek(handle: [1], offset: 0, whence: 3), milliseconds: 60_000)
        #expect(reply == .position(7))
        let sent = try Descriptors.readSome(guest.raw, limit: 4096)
        #expect(sent == Request.seek(handle: [1], offset: 0, whence: 3).frame(id: 1).encoded)
    }

    @Test func `throws a refusal`() throws {
        let failure = GuestFailure(step: .mount, errno: EINVAL, message: "wrong fs type")
        let (link, guest) = try connection(sending: [greeting, Reply.failed(failure).frame(id: 1)])
        let error = #expect(throws: GuestLinkError.self) {
            try link.call(.ping, milliseconds: 60_000)
        }
        guard case .refused(failure)? = error else {
            Issue.record("not the refusal: \(String(describing: error))")
            return
        }
        withExtendedLifetime(guest) {}
    }

    @Test func `refuses a guest of another version`() throws {
        let foreign = Greeting(
            version: 99, role: .control, kernelRelease: "", uptimeMilliseconds: 0)
        let error = #expect(throws: GuestLinkError.self) {
            try connection(sending: [foreign.frame])
        }
        guard case .version(99)? = error else {
            Issue.record("not the version: \(String(describing: error))")
            return
        }
    }

    @Test func `a reply to another request is an error`() throws {
        let (link, guest) = try connection(sending: [greeting, Reply.done.frame(id: 8)])
        let error = #expect(throws: GuestLinkError.self) {
            try link.call(.ping, milliseconds: 60_000)
        }
        guard case .unexpected? = error else {
            Issue.record("accepted: \(String(describing: error))")
            return
        }
        withExtendedLifetime(guest) {}
    }

    @Test func `an answer that comes too late does not disturb later calls`() throws {
        let (link, guest) = try connection(sending: [greeting])
        #expect(throws: GuestLinkError.self) { try link.call(.kernelLog, milliseconds: 50) }
        for frame in [Reply.data([1]).frame(id: 1), Reply.position(7).frame(id: 2)] {
            try Files.writeAll(frame.encoded, to: guest.raw)
        }
        let reply = try link.call(.seek(handle: [1], offset: 0, whence: 3), milliseconds: 2000)
        #expect(reply == .position(7))
    }

    @Test func `after a frame that was cut short nothing is believed`() throws {
        let (link, guest) = try connection(sending: [greeting])
        let late = Reply.data([1, 2, 3]).frame(id: 1).encoded
        try Files.writeAll(Array(late[..<6]), to: guest.raw)
        #expect(throws: GuestLinkError.self) { try link.call(.kernelLog, milliseconds: 50) }
        try Files.writeAll(Array(late[6...]) + Reply.done.frame(id: 2).encoded, to: guest.raw)
        #expect(throws: GuestLinkError.self) { try link.call(.ping, milliseconds: 2000) }
    }

    @Test func `a silent guest ends in a time-out`() throws {
        let (link, guest) = try connection(sending: [greeting])
        let before = Clock.milliseconds()
        let error = #expect(throws: GuestLinkError.self) { try link.call(.ping, milliseconds: 50) }
        guard case .lost(let cause)? = error, cause.errno == ETIMEDOUT else {
            Issue.record("not a time-out: \(String(describing: error))")
            return
        }
        #expect(Clock.milliseconds() - before < 60_000)
        withExtendedLifetime(guest) {}
    }

    @Test func `a guest that hangs up is an error, not a hang`() throws {
        let (host, guest) = try Descriptors.socketPair()
        try Files.writeAll(Array(greeting.encoded[..<7]), to: guest.raw)
        try close(guest)
        let error = #expect(throws: GuestLinkError.self) {
            try GuestConnection(host, milliseconds: 60_000)
        }
        guard case .lost(let cause)? = error, cause.errno == ECONNRESET else {
            Issue.record("not a lost guest: \(String(describing: error))")
            return
        }
    }

    @Test func `a frame past the limit is refused before it is read`() throws {
        let (host, guest) = try Descriptors.socketPair()
        try Files.writeAll([0xff, 0xff, 0xff, 0x7f], to: guest.raw)
        let error = #expect(throws: GuestLinkError.self) {
            try GuestConnection(host, milliseconds: 60_000)
        }
        guard case .malformed(.tooLong)? = error else {
            Issue.record("accepted: \(String(describing: error))")
            return
        }
    }

    /// Ends the guest's side while the variable that held it lives on.
    private func close(_ descriptor: OwnedFD) throws {
        #expect(shutdown(descriptor.raw, Int32(SHUT_RDWR)) == 0)
    }
}
