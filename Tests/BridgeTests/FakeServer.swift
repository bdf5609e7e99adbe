import Bytes
import Glibc
import GuestWire
import NFSWire
import Platform

/// A guest's file server that says what a test wants, over a socket.
final class FakeServer {
    /// One call as it came.
    struct Call {
        var procedure: UInt32
        var arguments: [UInt8]
    }

    private let socket: OwnedFD
    private var received: [UInt8] = []
    /// Gives the results of a procedure, status first; nil for no answer at all.
    var handlers: [UInt32: (Call) -> [UInt8]?] = [:]
    /// Every call so far.
    private(set) var calls: [Call] = []

    init(_ socket: OwnedFD) {
        self.socket = socket
        handlers[1] = { _ in [0, 0, 0, 0] + Self.attributes(type: 2) }
        handlers[19] = { _ in
            Self.words([
                0, 0, 1 << 20, 1 << 20, 1, 1 << 20, 1 << 20, 1, 4096, 0x7fff_ffff, 0, 0, 1, 0,
            ])
        }
        handlers[20] = { _ in Self.words([0, 0, 32000, 255, 1, 1, 0, 1]) }
        handlers[16] = { _ in Self.words([0, 0, 0, 0, 0, 1]) }
        handlers[3] = { _ in Self.words([2, 0]) }
    }

    /// The procedures called so far.
    var procedures: [UInt32] { calls.map(\.procedure) }

    /// Forgets what was called.
    func forgetCalls() { calls = [] }

    /// Answers what has arrived.
    func serve() {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = buffer.withUnsafeMutableBytes { RawIO.receive(socket.raw, into: $0) }
            guard got > 0 else { break }
            received += buffer[..<got]
        }
        while received.count >= 4 {
            let length = Int(
                received[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7fff_ffff)
            guard received.count >= 4 + length else { return }
            let record = Array(received[4..<4 + length])
            received.removeFirst(4 + length)
            let procedure = record[20..<24].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let call = Call(procedure: procedure, arguments: Array(record[68...]))
            calls.append(call)
            guard let results = handlers[procedure]?(call) else { continue }
            send(Array(record[..<4]) + Self.words([1, 0, 0, 0, 0]) + results)
        }
    }

    /// Sends a record as it is.
    func send(_ record: [UInt8]) {
        sendRaw(Self.words([0x8000_0000 | UInt32(record.count)]) + record)
    }

    /// Sends bytes that may be anything.
    func sendRaw(_ bytes: [UInt8]) { try? Files.writeAll(bytes, to: socket.raw) }

    /// Closes the connection in both directions.
    func close() { shutdown(socket.raw, Int32(SHUT_RDWR)) }

    static func words(_ words: [UInt32]) -> [UInt8] {
        var writer = XDRWriter()
        for word in words { writer.write(word) }
        return writer.bytes
    }

    /// fattr3.
    static func attributes(
        type: UInt32 = 1, mode: UInt32 = 0o644, links: UInt32 = 1, user: UInt32 = 0,
        size: UInt64 = 0, id: UInt64 = 2
    ) -> [UInt8] {
        var writer = XDRWriter()
        for word in [type, mode, links, user, user] { writer.write(word) }
        writer.write(size)
        writer.write(size)
        writer.write(UInt64(0))
        writer.write(UInt64(0xfeed))
        writer.write(id)
        for _ in 0..<6 { writer.write(UInt32(1)) }
        return writer.bytes
    }

    /// LOOKUP3resok of a file.
    static func found(_ handle: [UInt8], _ attributes: [UInt8]) -> [UInt8] {
        var writer = XDRWriter()
        writer.write(UInt32(0))
        writer.write(handle)
        return writer.bytes + words([1]) + attributes + words([0])
    }

    /// CREATE3resok of a file.
    static func created(_ handle: [UInt8], _ attributes: [UInt8]) -> [UInt8] {
        var writer = XDRWriter()
        writer.write(UInt32(0))
        writer.write(true)
        writer.write(handle)
        return writer.bytes + words([1]) + attributes + words([0, 0])
    }

    /// WRITE3resok.
    static func written(_ count: UInt32, stability: UInt32 = 0, verifier: UInt32) -> [UInt8] {
        words([0, 0, 0, count, stability, 0, verifier])
    }

    /// READDIRPLUS3resok; names with their cookies.
    static func listed(_ names: [(String, UInt64)], end: Bool) -> [UInt8] {
        var writer = XDRWriter()
        for word: UInt32 in [0, 0, 0, 0] { writer.write(word) }
        for (name, cookie) in names {
            writer.write(true)
            writer.write(UInt64(1000) + cookie)
            writer.write(Array(name.utf8))
            writer.write(cookie)
            writer.write(false)
            writer.write(false)
        }
        writer.write(false)
        writer.write(end)
        return writer.bytes
    }
}

/// A guest's agent that says what a test wants.
final class FakeAgent {
    private let socket: OwnedFD
    private var received: [UInt8] = []
    /// Answers a request; nil for no answer at all.
    var answer: (Request) -> Reply? = { _ in .done }
    /// Every request so far.
    private(set) var requests: [Request] = []

    init(_ socket: OwnedFD) {
        self.socket = socket
    }

    /// Answers what has arrived.
    func serve() throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let got = buffer.withUnsafeMutableBytes { RawIO.receive(socket.raw, into: $0) }
        if got > 0 { received += buffer[..<got] }
        while received.count >= 4 {
            let length = try Frame.length(of: received[..<4])
            guard received.count >= 4 + length else { return }
            let frame = try Frame(body: received[4..<4 + length])
            received.removeFirst(4 + length)
            let request = try Request(frame)
            requests.append(request)
            guard let reply = answer(request) else { continue }
            try Files.writeAll(reply.frame(id: frame.id).encoded, to: socket.raw)
        }
    }

    /// Sends bytes that may be anything.
    func sendRaw(_ bytes: [UInt8]) { try? Files.writeAll(bytes, to: socket.raw) }
}
