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
