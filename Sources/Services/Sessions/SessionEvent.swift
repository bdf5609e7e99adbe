import FoundationEssentials
import Platform

/// What a session process tells the command that started it, or that asks it to end.
public enum SessionEvent: Codable, Sendable {
    /// A phase began.
    case phase(String)
    /// The folder is usable.
    case usable(SessionRecord)
    /// The folder is detached.
    case detached(Receipt)
    /// It could not be done.
    case failed(SessionError)
    /// The record, as asked for.
    case record(SessionRecord)
}

/// What a command asks of a running session.
public enum SessionCommand: Codable, Sendable {
    /// Detach; answered by phases and then `detached` or `failed`.
    case unmount(force: Bool)
    /// The session's record; answered by `record`.
    case describe
    /// The guest kernel's log; answered by phases, a line each, and then `record`.
    case kernelLog
}

/// JSON values, a line each, over a byte stream.
///
/// One thread at a time.
public final class LineChannel {
    /// Longest line, in bytes.
    static let lineLimit = 1 << 20
    private let descriptor: OwnedFD
    private var pending: [UInt8] = []

    /// Speaks over a connected socket or pipe.
    public init(_ descriptor: OwnedFD) { self.descriptor = descriptor }

    /// The descriptor, for poll.
    public var raw: Int32 { descriptor.raw }

    /// Sends one value.
    public func send(_ value: some Encodable) throws {
        var line = [UInt8](try JSONEncoder().encode(value))
        line.append(UInt8(ascii: "\n"))
        try Descriptors.send(line, over: descriptor.raw)
    }

    /// Receives one value, waiting at most `milliseconds` (-1: for ever); nil at the end.
    public func receive<Value: Decodable>(
        _ type: Value.Type, milliseconds: Int32 = -1
    ) throws -> Value? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(pending[..<end])
                pending.removeSubrange(...end)
                return try JSONDecoder().decode(type, from: line)
            }
            guard pending.count < Self.lineLimit,
                try Descriptors.waitReadable(descriptor.raw, milliseconds: milliseconds)
            else {
                throw SessionError(
                    .session, "the session does not answer",
                    remedy: "Look at `causeway list`; `causeway unmount --force` ends it.")
            }
            let more = try Descriptors.readSome(descriptor.raw, limit: 1 << 16)
            if more.isEmpty { return nil }
            pending += more
        }
    }
}
