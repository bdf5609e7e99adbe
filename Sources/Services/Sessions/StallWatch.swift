import Platform

/// Tells work that takes long from work that gets nowhere.
///
/// What writes to a slow disk for an hour is fine. Where for a whole limit the machine is all but
/// idle and nothing that writes does anything, nor waits for the kernel, no end will come.
struct StallJudge {
    /// How long nothing may happen, in milliseconds.
    let limit: Int64
    private var lastProgress: Int64
    private var lastLook: (time: Int64, machine: ProcessActivity, writers: [ProcessActivity])?

    /// Processor time below which a machine counts as idle, in a hundredth: its clock alone uses
    /// some.
    private static let idlePercent: Int64 = 2
    /// Milliseconds of a clock tick.
    private static let tick: Int64 = 10

    /// Begins at a moment of the clock, in milliseconds.
    init(limit: Int64, now: Int64) {
        self.limit = limit
        lastProgress = now
    }

    /// Judges what the machine and the writing processes have done until now; true where nothing
    /// has happened for the limit.
    ///
    /// One that has ended, or that nobody can look at, is nil: nobody waits for it in vain.
    mutating func isStalled(
        now: Int64, machine: ProcessActivity?, writers: [ProcessActivity?]
    ) -> Bool {
        let known = writers.compactMap { $0 }
        guard let machine, known.count == writers.count, let last = lastLook else {
            lastProgress = now
            lastLook = machine.map { (now, $0, known) }
            return false
        }
        lastLook = (now, machine, known)
        let used = Int64(clamping: machine.ticks &- last.machine.ticks) * Self.tick
        let isBusy = used * 100 >= (now - last.time) * Self.idlePercent && used > 0
        if isBusy || known != last.writers || known.contains(where: \.waitsForDisk) {
            lastProgress = now
        }
        return now - lastProgress >= limit
    }
}

/// Watches the processes of a session that is being detached, and kills them where they get
/// nowhere, so that whoever waits for them is told.
final class StallWatch: Sendable {
    /// Between two looks, in milliseconds.
    private static let interval: Int64 = 10_000
    /// How long nothing may happen, in milliseconds.
    static let limit: Int64 = 300_000

    private enum State { case watching, over, stalled }
    private let state: Condition<State>

    /// Watches until `stop`; where no thread can be had, nothing is watched.
    ///
    /// - Parameters:
    ///   - machine: the virtual machine.
    ///   - writers: what writes for it, or for clients.
    ///   - helpers: what waits for both.
    init(
        machine: ChildProcess?, writers: [ChildProcess], helpers: [ChildProcess],
        interval: Int64 = StallWatch.interval, limit: Int64 = StallWatch.limit
    ) {
        let state = Condition(State.watching)
        self.state = state
        guard machine != nil || !writers.isEmpty else { return }
        try? WorkerThread.start {
            var judge = StallJudge(limit: limit, now: Clock.milliseconds())
            while !Self.isOver(state, within: interval) {
                let isStalled = judge.isStalled(
                    now: Clock.milliseconds(),
                    machine: machine.map { ProcessActivity(of: $0.id) } ?? ProcessActivity(),
                    writers: writers.map { ProcessActivity(of: $0.id) })
                guard isStalled else { continue }
                let kills = state.change { state in
                    guard state == .watching else { return false }
                    state = .stalled
                    return true
                }
                guard kills else { return }
                for process in helpers + writers + [machine].compactMap({ $0 }) {
                    process.signal(Self.kill)
                }
                return
            }
        }
    }

    /// SIGKILL.
    private static let kill: Int32 = 9

    private static func isOver(_ state: Condition<State>, within milliseconds: Int64) -> Bool {
        state.wait(milliseconds: milliseconds) { $0 == .watching ? nil : true } ?? false
    }

    /// Ends the watch; whether it has killed the processes.
    func stop() -> Bool {
        state.change { state in
            if state == .watching { state = .over }
            return state == .stalled
        }
    }
}
