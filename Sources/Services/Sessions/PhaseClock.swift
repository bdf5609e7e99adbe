import Platform

/// Is told the name of each phase as it begins; throws where the operation is no longer wanted.
typealias Announcement = (String) throws(SessionError) -> Void

/// Announces the phases of an operation and measures them.
struct PhaseClock {
    private(set) var phases: [SessionRecord.Phase] = []
    private var current: (name: String, start: Int64)?
    private let announce: Announcement

    /// Measures from the first phase on.
    init(announce: @escaping Announcement) { self.announce = announce }

    /// Ends the phase that runs and begins another.
    mutating func begin(_ name: String) throws(SessionError) {
        end()
        current = (name, Clock.milliseconds())
        try announce(name)
    }

    /// Ends the phase that runs.
    mutating func end() {
        guard let (name, start) = current else { return }
        phases.append(.init(name: name, milliseconds: Clock.milliseconds() - start))
        current = nil
    }
}
