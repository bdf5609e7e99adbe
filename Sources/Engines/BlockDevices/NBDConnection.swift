import Bytes
import NBDWire
import Platform

/// One connection to an NBD server, with one request at a time.
///
/// What the server says is not trusted: lengths are bounded by what was asked for. One thread at a
/// time: whoever took it out of the pool. Allocates nothing for a read or a write.
final class NBDConnection: @unchecked Sendable {
    // Used by one thread at a time, whose turn the pool's lock gives it.

    /// What is received at a time before it is known where it goes: two small reads.
    private static let inboxSize = 8 << 10

    let socket: OwnedFD
    /// Which replies have been agreed on.
    var style = NBDHeaderStyle.simple
    /// The number of the last request.
    var cookie: UInt64 = 0
    private let inbox: UnsafeMutableRawBufferPointer
    private var taken = 0
    private var filled = 0

    /// Connects to a Unix socket.
    init(path: String) throws(SystemError) {
        socket = try UnixSocket.connect(to: path)
        inbox = .allocate(byteCount: Self.inboxSize, alignment: 16)
        do throws(SystemError) { try StreamIO.prepare(socket) } catch {
            inbox.deallocate()
            throw error
        }
    }

    deinit { inbox.deallocate() }

    /// Wakes whoever waits on the connection, for good.
    func end() { StreamIO.end(socket) }

    /// Sends a head and a body.
    func send(
        _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, deadline: Int64
    ) throws(NBDFailure) {
        let result = StreamIO.send(socket.raw, head: head, body: body, deadline: deadline)
        if result < 0 { throw .connection(BlockIO.error(result, "send to the NBD server")) }
    }

    /// Sends bytes.
    func send(_ bytes: [UInt8], deadline: Int64) throws(NBDFailure) {
        let result = bytes.withUnsafeBytes {
            StreamIO.send(
                socket.raw, head: $0, body: UnsafeRawBufferPointer(start: nil, count: 0),
                deadline: deadline)
        }
        if result < 0 { throw .connection(BlockIO.error(result, "send to the NBD server")) }
    }

    /// Receives exactly a buffer's worth.
    func receive(
        into buffer: UnsafeMutableRawBufferPointer, deadline: Int64
    ) throws(NBDFailure) {
        let here = min(buffer.count, filled - taken)
        if here > 0 {
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: inbox[taken..<taken + here]))
            taken += here
        }
        guard here < buffer.count else { return }
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[here...])
        let got = StreamIO.receive(
            socket.raw, atLeast: rest.count, into: rest, deadline: deadline)
        if got < 0 { throw .connection(BlockIO.error(got, "receive from the NBD server")) }
    }

    /// The next `count` bytes (at most the inbox's), which stay valid until the next call.
    func peek(_ count: Int, deadline: Int64) throws(NBDFailure) -> UnsafeRawBufferPointer {
        precondition(count <= Self.inboxSize, "more than the inbox holds")
        if filled - taken < count {
            let left = filled - taken
            if left > 0 && taken > 0 {
                inbox.copyMemory(from: UnsafeRawBufferPointer(rebasing: inbox[taken..<filled]))
            }
            taken = 0
            filled = left
            let got = StreamIO.receive(
                socket.raw, atLeast: count - left,
                into: UnsafeMutableRawBufferPointer(rebasing: inbox[left...]), deadline: deadline)
            if got < 0 { throw .connection(BlockIO.error(got, "receive from the NBD server")) }
            filled += got
        }
        return UnsafeRawBufferPointer(rebasing: inbox[taken..<taken + count])
    }

    /// Passes over bytes that were peeked at.
    func skip(_ count: Int) { taken += count }

    /// Receives this many bytes.
    func receive(_ count: Int, deadline: Int64) throws(NBDFailure) -> [UInt8] {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { bytes.deallocate() }
        try receive(into: bytes, deadline: deadline)
        return Array(bytes)
    }
}

/// Why an exchange with a server ended.
enum NBDFailure: Error, Equatable {
    /// The connection failed, or nothing came in time.
    case connection(SystemError)
    /// The server does not keep to the protocol; in what.
    case broken(String)
    /// The request failed; the connection goes on.
    case request(NBDErrorNumber, String)

    /// Decodes, taking what cannot be decoded for a breach of the protocol.
    static func decoding<Value>(
        _ body: () throws(BytesError) -> Value
    ) throws(NBDFailure) -> Value {
        do throws(BytesError) { return try body() } catch { throw .broken("\(error)") }
    }
}
