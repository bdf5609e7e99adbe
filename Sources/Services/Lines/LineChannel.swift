import FoundationEssentials
public import Platform

/// JSON values, a line each, over a byte stream.
///
/// One thread at a time. What is received is bounded in length, and waited for no longer than
/// asked.
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
                throw LineError.silent
            }
            let more = try Descriptors.readSome(descriptor.raw, limit: 1 << 16)
            if more.isEmpty { return nil }
            pending += more
        }
    }
}
