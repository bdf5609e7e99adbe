import Bytes
import Glibc
import NFSWire
import Platform

/// Data that goes out behind a call's arguments.
struct Payload {
    /// The memory it lies in.
    var buffer: Buffer
    /// Where.
    var range: Range<Int>
}

/// The one TCP connection to the guest's NFS server.
///
/// One thread. Nothing blocks.
///
/// Calls are answered in any order. The connection is never made again: whatever the server has
/// not committed would be lost without a word. Its end answers every call with `nil`.
final class NFSConnection {
    /// Gets the answer's message and where the results begin, or nil where there is none.
    typealias Completion = (_ record: Record?, _ results: Int) -> Void

    private struct Call {
        var id: UInt32
        var started: Int64
        var bulk: Bool
        var completion: Completion
    }

    /// How many calls may wait for an answer.
    static let callLimit = 2048

    private let socket: OwnedFD
    private let reader: RecordReader
    private var queue = SendQueue()
    private var calls: [Call?] = []
    private var freeSlots: [Int] = []
    private var sequence: UInt32 = 1
    private var bulkCalls = 0
    private let padding: Buffer
    /// Calls that wait for an answer.
    private(set) var outstanding = 0
    /// Calls ever made.
    private(set) var callCount: UInt64 = 0
    /// Why the connection ended, nil while it lives.
    private(set) var failure: String?

    init(_ socket: OwnedFD, pool: BufferPool) {
        self.socket = socket
        reader = RecordReader(pool: pool)
        padding = pool.take()
        padding.memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// The descriptor, for poll; -1 once the connection has ended.
    var raw: Int32 { failure == nil ? socket.raw : -1 }

    /// What to poll for.
    var wanted: Readiness { queue.isEmpty ? .readable : [.readable, .writable] }

    /// Bytes that wait to be sent.
    var unsentBytes: Int { queue.count }

    /// Puts a call into the queue; `flush` sends it.
    func submit(
        _ request: NFSRequest, payload: Payload? = nil, _ completion: @escaping Completion
    ) {
        guard failure == nil, outstanding < Self.callLimit else { return completion(nil, 0) }
        let count = payload?.range.count ?? 0
        let padded = (count + 3) & ~3
        let id = register(request, completion)
        queue.append(RPCMessage.call(request, id: id, payloadCount: padded))
        if let payload {
            queue.append(payload.buffer, payload.range)
            queue.append(padding, 0..<padded - count)
        }
    }

    /// Sends what waits, as far as the socket takes it.
    func flush() {
        guard failure == nil, !queue.isEmpty else { return }
        let result = queue.flush(to: socket.raw)
        if result < 0 { end("cannot send to the guest (\(SystemError.words(Int32(-result))))") }
    }

    /// Receives what is there and answers calls; at most a few MiB at once.
    func receive() {
        var budget = 4 << 20
        while failure == nil && budget > 0 {
            let got: Int
            do {
                got = try reader.receive(from: socket.raw) {
                    (record) throws(BytesError) in try answer(record)
                }
            } catch {
                return end("the guest's file server sent a malformed message (\(error))")
            }
            if got == -Int(EAGAIN) || got == -Int(EINTR) { return }
            if got == 0 { return end("the guest's file server closed the connection") }
            if got < 0 {
                return end("the guest is gone (\(SystemError.words(Int32(-got))))")
            }
            budget -= got
            // Less than there was room for: nothing more has arrived.
            if reader.isDrained { return }
        }
    }

    /// Ends the connection and answers every waiting call with nil.
    ///
    /// Again: nothing.
    func end(_ reason: String) {
        guard failure == nil else { return }
        failure = reason
        queue = SendQueue()
        let waiting = calls
        calls = []
        freeSlots = []
        outstanding = 0
        for call in waiting { call?.completion(nil, 0) }
    }

    /// When the oldest call that still waits was made; monotonic milliseconds.
    func oldestCall() -> Int64? {
        calls.lazy.compactMap { $0?.started }.min()
    }

    private func register(_ request: NFSRequest, _ completion: @escaping Completion) -> UInt32 {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = calls.count
            calls.append(nil)
        }
        sequence = sequence &+ 1
        let id = sequence << 12 | UInt32(slot)
        var bulk = false
        if case .read(_, _, let count) = request { bulk = count > 1 << 15 }
        calls[slot] = Call(
            id: id, started: Clock.milliseconds(), bulk: bulk, completion: completion)
        outstanding += 1
        callCount += 1
        if bulk { bulkCalls += 1 }
        reader.expectsLarge = bulkCalls > 0
        return id
    }

    private func answer(_ record: Record) throws(BytesError) {
        var fields = XDRReader(record.bytes)
        let header = try RPCReplyHeader(&fields)
        let slot = Int(header.id & 0xfff)
        // An answer to no call, or a second answer, is the guest's invention.
        guard slot < calls.count, let call = calls[slot], call.id == header.id else {
            throw .invalid(field: "reply id", value: UInt64(header.id))
        }
        calls[slot] = nil
        freeSlots.append(slot)
        outstanding -= 1
        if call.bulk { bulkCalls -= 1 }
        reader.expectsLarge = bulkCalls > 0
        guard header.isAccepted else { return call.completion(nil, 0) }
        call.completion(record, fields.position)
    }
}
