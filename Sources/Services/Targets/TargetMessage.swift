/// What a session asks of its target process, a JSON line each.
public enum TargetCommand: Codable, Sendable {
    /// Let clients finish what they have sent, flush, and end.
    case stop(milliseconds: Int64)
}

/// What a target process tells its session, a JSON line each.
public enum TargetEvent: Codable, Sendable {
    /// Clients can connect.
    case ready
    /// It could not start; cause and remedy.
    case failed(cause: String, remedy: String)
    /// Everything that was acknowledged is flushed; or why not.
    case stopped(TargetFigures, failure: String?)
}

/// What clients have done.
public struct TargetFigures: Codable, Sendable, Equatable {
    /// Bytes read by clients.
    public var bytesRead: UInt64 = 0
    /// Bytes written by clients.
    public var bytesWritten: UInt64 = 0

    /// Nothing yet.
    public init() {}

    /// Adds what the clients of one server have done.
    mutating func add(read: UInt64, written: UInt64) {
        bytesRead += read
        bytesWritten += written
    }
}
