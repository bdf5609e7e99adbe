/// What a detach proved, step by step.
public struct Receipt: Codable, Sendable {
    /// One step and its outcome.
    public struct Step: Codable, Sendable {
        /// What was done.
        public var name: String
        /// Whether it held.
        public var held: Bool
        /// The evidence, or what went wrong.
        public var evidence: String
        /// How long it took.
        public var milliseconds: Int64
    }

    /// The session.
    public var session: String
    /// The source's path.
    public var source: String
    /// What happened to writes.
    public var mode: WriteMode
    /// The steps, in order.
    public var steps: [Step]
    /// Bytes that applications read through the folder.
    public var bytesRead: UInt64
    /// Bytes that applications wrote through the folder.
    public var bytesWritten: UInt64

    /// Whether every step held: it is safe to unplug, and nothing acknowledged was lost.
    public var isClean: Bool { steps.allSatisfy(\.held) }

    /// The receipt for people.
    public var text: String {
        var lines = [
            isClean
                ? "Detached \(source). It is safe to unplug."
                : "Detached \(source), but NOT cleanly. Read the steps marked !!."
        ]
        for step in steps {
            lines.append("  \(step.held ? "ok" : "!!")  \(step.name): \(step.evidence)")
        }
        return lines.joined(separator: "\n")
    }
}
