import FoundationEssentials
public import Platform

/// JSON values, a line each, over a byte stream.
///
/// One thread at a time. What is received is bounded in length, and waited for no longer than
/// asked; what is sent and not taken for ten seconds is given up, with all that would follow.
public final class LineChannel {
    /// Longest line, in bytes.
    static let lineLimit = 1 << 20
    /// How long the other side may take nothing, in milliseconds.
    private static let sendLimit = 10_000
    private let descriptor: OwnedFD
    private var pending: [UInt8] = []
    private var isDeaf = false

    /// Speaks over a connected Unix socket.
    public convenience init(_ descriptor: OwnedFD) {
        self.init(descriptor, sendLimit: Self.sendLimit)
    }

    /// The same with another limit, in milliseconds.
    init(_ descriptor: OwnedFD, sendLimit: Int) {
        self.descriptor = descriptor
        // What is no socket fails when something is sent.
        try? Descriptors.limitSends(over: descriptor.raw, milliseconds: sendLimit)
    }

    /// The descriptor, for poll.
    public var raw: Int32 { descriptor.raw }

    /// Sends one value; after a failure everything fails, as a line may have been cut short.
    public func send(_ value: some Encodable) throws {
        guard !isDeaf else { throw LineError.silent }
        var line = [UInt8](try JSONEncoder().encode(value))
        line.append(UInt8(ascii: "\n"))
        do { try Descriptors.send(line, over: descriptor.raw) } catch {
            isDeaf = true
            throw error
        }
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
