/// Why no value was received.
public enum LineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing came in time, or a line that does not end.
    case silent

    /// What happened.
    public var description: String { "the other process does not answer" }
}
