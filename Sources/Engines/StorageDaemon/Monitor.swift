import JSONText
import Platform

/// The storage daemon's monitor: one command, one answer, events in between.
///
/// Source: QEMU's `docs/interop/qmp-spec.txt`. The daemon is not trusted: lines are bounded. One
/// thread at a time. Every call blocks up to its deadline.
struct Monitor: Sendable {
    /// Why a command did not succeed.
    enum Failure: Error, Equatable {
        /// No answer in time.
        case silent
        /// The daemon has closed the connection.
        case closed
        /// The daemon refused; its words.
        case refused(String)
        /// The daemon does not speak the protocol.
        case malformed
    }

    private static let lineLimit = 4 << 20
    private static let eventLimit = 1000

    private let socket: OwnedFD
    private var pending: [UInt8] = []
    /// Events that arrived while an answer was waited for, oldest first.
    private var events: [JSONValue] = []

    /// Speaks over a connected socket.
    init(_ socket: OwnedFD) { self.socket = socket }

    /// Waits for the greeting and takes up the commands; the daemon has then carried out its
    /// whole command line.
    mutating func greet(deadline: Int64) throws(Failure) {
        guard try message(deadline: deadline)["QMP"] != nil else { throw .malformed }
        _ = try call("qmp_capabilities", deadline: deadline)
    }

    /// Runs one command; returns what it returned.
    ///
    /// Events that arrive meanwhile are kept for `event`, the newest thousand.
    mutating func call(
        _ command: String, _ arguments: JSONValue? = nil, deadline: Int64
    ) throws(Failure) -> JSONValue {
        var members = [JSONValue.Member("execute", .string(command))]
        if let arguments { members.append(.init("arguments", arguments)) }
        do {
            try Descriptors.send(Array(JSONValue.object(members).line.utf8), over: socket.raw)
        } catch { throw .closed }
        for _ in 0..<Self.eventLimit {
            let answer = try message(deadline: deadline)
            if let value = answer["return"] { return value }
            if let error = answer["error"] {
                throw .refused(error["desc"]?.stringValue ?? "for no reason given")
            }
            guard answer["event"] != nil else { throw .malformed }
            keep(answer)
        }
        throw .malformed
    }

    /// The next event; nil where none comes in time.
    mutating func event(deadline: Int64) throws(Failure) -> JSONValue? {
        if !events.isEmpty { return events.removeFirst() }
        do throws(Failure) { return try message(deadline: deadline) } catch {
            if error == .silent { return nil }
            throw error
        }
    }

    private mutating func keep(_ event: JSONValue) {
        if events.count >= Self.eventLimit { events.removeFirst() }
        events.append(event)
    }

    /// The next line as a value.
    private mutating func message(deadline: Int64) throws(Failure) -> JSONValue {
        while true {
            if let end = pending.firstIndex(of: 0x0a) {
                let line = Array(pending[..<end])
                pending.removeSubrange(...end)
                do { return try JSONValue(parsing: line) } catch { throw .malformed }
            }
            guard pending.count < Self.lineLimit else { throw .malformed }
            let left = deadline - Clock.milliseconds()
            do {
                guard left > 0,
                    try Descriptors.waitReadable(
                        socket.raw, milliseconds: Int32(clamping: left))
                else { throw Failure.silent }
                let bytes = try Descriptors.readSome(socket.raw, limit: 1 << 16)
                guard !bytes.isEmpty else { throw Failure.closed }
                pending += bytes
            } catch let failure as Failure {
                throw failure
            } catch { throw .closed }
        }
    }
}
