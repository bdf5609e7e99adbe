import Bytes
import Glibc
import GuestWire
import Platform

/// The *files* connection to the guest's agent: what NFSv3 has no words for.
///
/// One thread. Nothing blocks. Its end answers every request with EIO.
final class AgentClient {
    /// Gets the agent's answer, or nil where there is none.
    typealias Completion = (Reply?) -> Void

    /// How many requests are sent and not answered; more wait here.
    private static let outstandingLimit = 64
    private static let receiveSize = 1 << 16

    private let socket: OwnedFD
    private var queue = SendQueue()
    private var received: [UInt8] = []
    private var waiting: [UInt32: (started: Int64, completion: Completion)] = [:]
    private var postponed: [(request: Request, completion: Completion)] = []
    private var nextID: UInt32 = 1
    private let scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: AgentClient.receiveSize, alignment: 16)
    /// Why the connection ended, nil while it lives.
    private(set) var failure: String?

    /// Takes a connection whose greeting has been read.
    init(_ socket: OwnedFD) {
        self.socket = socket
    }

    deinit { scratch.deallocate() }

    /// The descriptor, for poll; -1 once the connection has ended.
    var raw: Int32 { failure == nil ? socket.raw : -1 }

    /// What to poll for.
    var wanted: Readiness { queue.isEmpty ? .readable : [.readable, .writable] }

    /// Requests that wait for an answer.
    var pending: Int { waiting.count + postponed.count }

    /// Asks; the completion gets the answer.
    func ask(_ request: Request, _ completion: @escaping Completion) {
        guard failure == nil else { return completion(nil) }
        guard waiting.count < Self.outstandingLimit else {
            postponed.append((request, completion))
            return
        }
        let id = nextID
        nextID &+= 1
        waiting[id] = (Clock.milliseconds(), completion)
        queue.append(request.frame(id: id).encoded)
    }

    /// Sends what waits, as far as the socket takes it.
    func flush() {
        guard failure == nil, !queue.isEmpty else { return }
        let result = queue.flush(to: socket.raw)
        if result < 0 { end("cannot send to the agent (\(SystemError.words(Int32(-result))))") }
    }

    /// Receives what is there and answers requests.
    func receive() {
        while failure == nil {
            let got = RawIO.receive(socket.raw, into: scratch)
            if got == -Int(EAGAIN) || got == -Int(EINTR) { return }
            if got == 0 { return end("the guest's agent closed the connection") }
            if got < 0 { return end("the agent is gone (\(SystemError.words(Int32(-got))))") }
            received.append(contentsOf: scratch[..<got])
            do { try cut() } catch { end("the agent sent a malformed message (\(error))") }
            if got < scratch.count { return }
        }
    }

    /// Ends the connection and answers every request with nil.
    ///
    /// Again: nothing.
    func end(_ reason: String) {
        guard failure == nil else { return }
        failure = reason
        queue = SendQueue()
        let requests = waiting
        let later = postponed
        waiting = [:]
        postponed = []
        for request in requests.values { request.completion(nil) }
        for request in later { request.completion(nil) }
    }

    /// When the oldest request that still waits was made; monotonic milliseconds.
    func oldestRequest() -> Int64? { waiting.values.lazy.map(\.started).min() }

    private func cut() throws(BytesError) {
        while received.count >= 4 {
            let length = try Frame.length(of: received.prefix(4))
            guard received.count >= 4 + length else { return }
            let frame = try Frame(body: received[4..<4 + length])
            received.removeFirst(4 + length)
            guard let request = waiting.removeValue(forKey: frame.id) else {
                throw .invalid(field: "reply id", value: UInt64(frame.id))
            }
            request.completion(try Reply(frame))
            if !postponed.isEmpty {
                let next = postponed.removeFirst()
                ask(next.request, next.completion)
            }
        }
    }
}
