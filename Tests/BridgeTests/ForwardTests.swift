import Bytes
import FileSystemLab
import Glibc
import GuestWire
import Platform
import Testing

@testable import Bridge

/// A bridge's loop that carries connections, with a guest and a session that the test plays.
private final class Forwarded: Sendable {
    static let loopback: UInt32 = 0x7f00_0001

    let session: OwnedFD
    /// The agent's end of the *files* connection.
    let agent: OwnedFD
    let listener: OwnedFD
    let destination: OwnedFD
    /// Kept, so that nobody else listens there when the relay has ended.
    private let place: LoopbackPort
    private let result = Condition<Int32?>(nil)

    init() throws {
        let (session, bridge) = try Descriptors.socketPair(packets: true)
        self.session = session
        let meeting = try TCPListener.listen(host: "127.0.0.1", port: 0)
        agent = try StreamSocket.connect(
            address: Self.loopback, port: try TCPListener.port(of: meeting))
        let files = try StreamSocket.accept(meeting)
        let greeting = Greeting(role: .files, kernelRelease: "6", uptimeMilliseconds: 1)
        try Files.writeAll(greeting.frame.encoded, to: agent.raw)
        place = try LoopbackPort()
        listener = try place.listen()
        destination = try TCPListener.listen(host: "127.0.0.1", port: 0)
        let target = try TCPListener.port(of: destination)
        try WorkerThread.start { [listener, result] in
            let control = ControlSocket(bridge, log: -1)
            let code = try? ForwardLoop(control, files: files)
                .run([target], [listener], guest: Self.loopback)
            result.change { $0 = code ?? -1 }
        }
    }

    func say(_ message: BridgeMessage) throws {
        try Descriptors.send(message.encoded, over: session.raw)
    }

    func hear() throws -> BridgeMessage? {
        guard try Descriptors.waitReadable(session.raw, milliseconds: 60_000) else { return nil }
        return try BridgeMessage(Descriptors.receive(over: session.raw).bytes)
    }

    /// The exit code; nil where it runs on.
    func code() -> Int32? { result.wait(milliseconds: 60_000) { $0 } }

    func connect() throws -> OwnedFD {
        try StreamSocket.connect(address: Self.loopback, port: place.number)
    }

    func read(_ socket: OwnedFD, _ count: Int) throws -> [UInt8] {
        try Descriptors.readExactly(
            socket.raw, count: count, deadlineMilliseconds: Clock.milliseconds() + 60_000)
    }

    func isRefused() -> Bool {
        do {
            _ = try connect()
            return false
        } catch {
            return (error as? SystemError)?.errno == ECONNREFUSED
        }
    }
}

@Suite struct ForwardTests {
    /// A connection over which each side has sent something: 3 bytes there, 2 back.
    private func talk(_ bench: Forwarded) throws -> (OwnedFD, OwnedFD) {
        let client = try bench.connect()
        try #require(
            try Descriptors.waitReadable(bench.destination.raw, milliseconds: 60_000))
        let guest = try StreamSocket.accept(bench.destination)
        try Files.writeAll([1, 2, 3], to: client.raw)
        #expect(try bench.read(guest, 3) == [1, 2, 3])
        try Files.writeAll([4, 5], to: guest.raw)
        #expect(try bench.read(client, 2) == [4, 5])
        return (client, guest)
    }

    private var figures: BridgeStatistics {
        var figures = BridgeStatistics()
        figures.bytesRead = 2
        figures.bytesWritten = 3
        return figures
    }

    @Test func `carries, counts as clients see it, and ends when drained`() throws {
        let bench = try Forwarded()
        #expect(try bench.hear() == .serving)
        let (client, guest) = try talk(bench)
        try bench.say(.tellStatistics)
        #expect(try bench.hear() == .statistics(figures))
        try bench.say(.drain)
        #expect(try bench.hear() == .drained(figures))
        #expect(bench.code() == 0)
        #expect(try Descriptors.readSome(client.raw, limit: 1).isEmpty)
        #expect(try Descriptors.readSome(guest.raw, limit: 1).isEmpty)
        #expect(bench.isRefused())
    }

    @Test func `takes the end of the agent's connection for the guest's`() throws {
        let bench = try Forwarded()
        #expect(try bench.hear() == .serving)
        let (client, guest) = try talk(bench)
        shutdown(bench.agent.raw, Int32(SHUT_RDWR))
        guard case .guestLost = try bench.hear() else {
            Issue.record("the session was not told")
            return
        }
        #expect(throws: SystemError.self) { try bench.read(client, 1) }
        #expect(bench.isRefused())
        // Told once; and what was carried is still known.
        try bench.say(.guestGone(reason: "the machine has ended"))
        try bench.say(.drain)
        #expect(try bench.hear() == .drained(figures))
        #expect(bench.code() == 0)
        withExtendedLifetime(guest) {}
    }

    @Test func `takes an agent that speaks unasked for the guest's end`() throws {
        let bench = try Forwarded()
        #expect(try bench.hear() == .serving)
        try Files.writeAll([0xff, 0xff, 0xff, 0xff], to: bench.agent.raw)
        guard case .guestLost = try bench.hear() else {
            Issue.record("the session was not told")
            return
        }
    }

    @Test func `ends connections when the session says that the guest is gone`() throws {
        let bench = try Forwarded()
        #expect(try bench.hear() == .serving)
        let (client, guest) = try talk(bench)
        try bench.say(.guestGone(reason: "killed"))
        #expect(try bench.hear() == .guestLost(reason: "killed"))
        #expect(throws: SystemError.self) { try bench.read(client, 1) }
        #expect(throws: SystemError.self) { try bench.read(guest, 1) }
        #expect(bench.isRefused())
    }

    @Test func `refuses another order, and ends with the session`() throws {
        let bench = try Forwarded()
        #expect(try bench.hear() == .serving)
        let (client, guest) = try talk(bench)
        try bench.say(.forward(ports: [1]))
        guard case .failed(let error) = try bench.hear() else {
            Issue.record("a second order was taken")
            return
        }
        #expect(error.step == .control)
        shutdown(bench.session.raw, Int32(SHUT_RDWR))
        #expect(bench.code() == 0)
        #expect(bench.isRefused())
        withExtendedLifetime((client, guest)) {}
    }
}
