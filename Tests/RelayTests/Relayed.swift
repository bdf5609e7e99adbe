import FileSystemLab
import Glibc
import Platform
import Relay
import Testing

/// A relay on loopback, with a destination that the test plays; stopped at the end.
final class Relayed: Sendable {
    static let loopback: UInt32 = 0x7f00_0001

    let relay: Relay
    /// Where clients connect; kept open here, as a session might.
    let listener: OwnedFD
    let destination: OwnedFD
    /// Kept, so that nobody else listens there when the relay has ended.
    private let place: LoopbackPort
    var port: UInt16 { place.number }

    /// `buffers` fixes the sizes of the kernel's buffers at the two far ends.
    init(limits: RelayLimits = RelayLimits(), buffers: Int32 = 0) throws {
        _ = try OpenFiles.raiseLimit(to: 8_192)
        place = try LoopbackPort()
        listener = try place.listen()
        destination = try TCPListener.listen(host: "127.0.0.1", port: 0)
        if buffers > 0 {
            try StreamSocket.setBuffers(destination.raw, receive: buffers, send: buffers)
        }
        relay = Relay(limits: limits)
        try relay.start([
            RelayListener(
                socket: listener, address: Self.loopback,
                port: try TCPListener.port(of: destination))
        ])
    }

    deinit { relay.stop(graceMilliseconds: 0) }

    func connect() throws -> Peer {
        Peer(try StreamSocket.connect(address: Self.loopback, port: port))
    }

    /// The destination's end of the next connection.
    func accept() throws -> Peer {
        guard try Descriptors.waitReadable(destination.raw, milliseconds: 60_000) else {
            throw RelayedError.late("nobody came to the destination")
        }
        return Peer(try StreamSocket.accept(destination))
    }

    /// Both ends of a new connection.
    func pair() throws -> (client: Peer, destination: Peer) {
        let client = try connect()
        return (client, try accept())
    }

    /// Waits until so many connections are there.
    func waitForOpen(_ count: Int, seconds: Int64 = 60) throws {
        try wait(seconds: seconds) { $0.open == count }
    }

    /// Waits until the figures are as they should be.
    func wait(seconds: Int64 = 60, until isFine: (RelayFigures) -> Bool) throws {
        // Nobody writes: waiting for it takes its time.
        let (reader, writer) = try Descriptors.pipe()
        defer { _ = writer.raw }
        let deadline = Clock.milliseconds() + seconds * 1000
        while !isFine(relay.figures) {
            guard Clock.milliseconds() < deadline else {
                throw RelayedError.late("\(relay.figures)")
            }
            _ = try Descriptors.waitReadable(reader.raw, milliseconds: 2)
        }
    }
}

enum RelayedError: Error {
    case late(String)
}

/// One far end of a connection: a blocking socket, each call bounded in time.
final class Peer: Sendable {
    let socket: OwnedFD
    init(_ socket: OwnedFD) { self.socket = socket }

    /// How a connection ended.
    enum End: Equatable {
        case end
        case failed(Int32)
    }

    func send(_ bytes: [UInt8]) throws {
        let deadline = Clock.nanoseconds() + 120_000_000_000
        let sent = bytes.withUnsafeBytes {
            StreamIO.send(
                socket.raw, head: $0, body: UnsafeRawBufferPointer(start: nil, count: 0),
                deadline: deadline)
        }
        if sent < 0 { throw SystemError(errno: Int32(-sent), call: "send") }
    }

    /// Sends what the kernel takes until it has taken nothing for a while, or the connection has
    /// ended; how much that was.
    ///
    /// It waits longer until `enough` is sent: whoever should take it may have to wait for a
    /// processor.
    func stuff(limit: Int, enough: Int = RelayLimits.readBytes + 1) throws -> Int {
        let piece = [UInt8](repeating: 7, count: 1 << 16)
        var total = 0
        while total < limit {
            let patience: Int32 = total < enough ? 60_000 : 1000
            let ready = try Descriptors.poll([(socket.raw, .writable)], milliseconds: patience)
            // What ended it is for the reader to find.
            guard ready[0] == .writable else { return total }
            let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
            let sent = Glibc.send(socket.raw, piece, piece.count, flags)
            if sent < 0, Glibc.errno != EAGAIN { return total }
            total += max(0, sent)
        }
        return total
    }

    func read(_ count: Int) throws -> [UInt8] {
        try Descriptors.readExactly(
            socket.raw, count: count, deadlineMilliseconds: Clock.milliseconds() + 60_000)
    }

    /// Everything up to the end, and how that came.
    func readToEnd(seconds: Int64 = 60) throws -> (bytes: [UInt8], end: End) {
        var bytes: [UInt8] = []
        let deadline = Clock.milliseconds() + seconds * 1000
        while true {
            let left = Int32(max(0, deadline - Clock.milliseconds()))
            guard try Descriptors.waitReadable(socket.raw, milliseconds: left) else {
                throw RelayedError.late("no end after \(bytes.count) bytes")
            }
            do {
                let got = try Descriptors.readSome(socket.raw, limit: 1 << 18)
                if got.isEmpty { return (bytes, .end) }
                bytes += got
            } catch {
                return (bytes, .failed(error.errno))
            }
        }
    }

    func endOutput() { _ = shutdown(socket.raw, Int32(SHUT_WR)) }

    /// Makes the end, which comes with the object's, a reset.
    func resetAtEnd() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            socket.raw, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }
}

/// Work beside the test, on a thread of its own.
final class Beside<Value: Sendable>: Sendable {
    private let result = Condition<Result<Value, any Error>?>(nil)

    init(_ body: @escaping @Sendable () throws -> Value) throws {
        try WorkerThread.start { [result] in
            let value = Result { try body() }
            result.change { $0 = value }
        }
    }

    func get() throws -> Value {
        guard let value = result.wait(milliseconds: 120_000, until: { $0 }) else {
            throw RelayedError.late("work beside the test")
        }
        return try value.get()
    }
}

/// Bytes of which no two places look alike.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    var words: [UInt64] = []
    words.reserveCapacity(count / 8 + 1)
    for _ in 0...count / 8 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        words.append(state)
    }
    return words.withUnsafeBytes { Array($0.prefix(count)) }
}
