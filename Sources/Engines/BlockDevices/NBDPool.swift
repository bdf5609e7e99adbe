import BlockDevice
import NBDWire
import Platform

/// The connections of a device, and who has which.
///
/// The first failure of a connection, or a breach of the protocol, ends all of them: what was
/// written and not flushed may be lost then, which a new connection would hide. Any thread.
final class NBDPool: Sendable {
    private struct State {
        var free: [NBDConnection]
        var end: String?
    }

    private let all: [NBDConnection]
    private let state: Condition<State>
    private let timeout: Int64
    private let flushTimeout: Int64

    init(
        _ connections: [NBDConnection], timeoutMilliseconds: Int64, flushTimeoutMilliseconds: Int64
    ) {
        all = connections
        timeout = timeoutMilliseconds
        flushTimeout = max(timeoutMilliseconds, flushTimeoutMilliseconds)
        state = Condition(State(free: connections))
    }

    deinit {
        for connection in all {
            let deadline = Clock.nanoseconds() + 100_000_000
            try? connection.ask(
                .disconnect, 0, 0, [], UnsafeRawBufferPointer(start: nil, count: 0), deadline)
        }
    }

    /// Works on a connection of its own, within the time for a request, or for one that `flushes`.
    func use<Result>(
        _ range: BlockRange, flushes: Bool = false,
        _ body: (NBDConnection, _ deadline: Int64) throws(NBDFailure) -> Result
    ) throws(BlockError) -> Result {
        let connection = try take(range)
        defer { state.change { $0.free.append(connection) } }
        do throws(NBDFailure) {
            let limit = flushes ? flushTimeout : timeout
            return try body(connection, Clock.nanoseconds() + limit * 1_000_000)
        } catch {
            switch error {
            case .request(let number, let words): throw Self.meaning(number, words, range)
            case .connection(let error): throw fail("\(error)")
            case .broken(let what): throw fail("the NBD server breaks the protocol: \(what)")
            }
        }
    }

    private func take(_ range: BlockRange) throws(BlockError) -> NBDConnection {
        // Others may have flushes on every connection; a server that is silent ends this sooner.
        let taken: NBDConnection?? = try state.wait(milliseconds: flushTimeout) {
            state throws(BlockError) in
            if let end = state.end { throw .gone(end) }
            return state.free.popLast().map { .some($0) }
        }
        guard let connection = taken ?? nil else {
            // The others' requests have deadlines of their own; this one was crowded out.
            throw .medium(range, BlockIO.timedOut("wait for a connection to the NBD server"))
        }
        return connection
    }

    /// Ends everything.
    private func fail(_ reason: String) -> BlockError {
        let first = state.change { state in
            state.end = state.end ?? reason
            return state.end ?? reason
        }
        for connection in all { connection.end() }
        return .gone(first)
    }

    /// What an error number of a request means.
    static func meaning(
        _ number: NBDErrorNumber, _ words: String, _ range: BlockRange
    ) -> BlockError {
        switch number {
        case .notPermitted: .readOnly
        case .noSpace: .noSpace(range)
        case .notSupported: .notSupported(words.isEmpty ? "this request" : words)
        case .shutdown: .gone("the NBD server is going away")
        default:
            .medium(
                range,
                SystemError(
                    errno: Int32(clamping: number.rawValue),
                    call: words.isEmpty ? "NBD request" : "NBD request (\(words))"))
        }
    }
}
