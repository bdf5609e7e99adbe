import Platform

/// Announces the phases of an operation and measures them.
struct PhaseClock {
    private(set) var phases: [SessionRecord.Phase] = []
    private var current: (name: String, start: Int64)?
    private let announce: (String) -> Void

    /// `announce` is told each phase's name as it begins.
    init(announce: @escaping (String) -> Void) { self.announce = announce }

    /// Ends the phase that runs and begins another.
    mutating func begin(_ name: String) {
        end()
        current = (name, Clock.milliseconds())
        announce(name)
    }

    /// Ends the phase that runs.
    mutating func end() {
        guard let (name, start) = current else { return }
        phases.append(.init(name: name, milliseconds: Clock.milliseconds() - start))
        current = nil
    }
}
