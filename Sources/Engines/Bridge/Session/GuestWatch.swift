/// Judges a guest that leaves calls unanswered.
///
/// A call may wait for a slow disk. So when one has waited for half of the timeout, agent and
/// file server are asked whether they live; if neither answers in the other half, the guest is
/// gone. Times are monotonic milliseconds. One thread.
struct GuestWatch {
    /// What to do.
    enum Verdict: Equatable {
        /// Nothing.
        case fine
        /// Ask the guest whether it lives.
        case ask
        /// Give it up.
        case gone(String)
    }

    /// How long a single call may take in a guest that is otherwise alive.
    static let callLimit: Int64 = 300_000

    private let timeout: Int64
    private var asked: Int64?

    /// Gives up after this long without any answer.
    init(timeout: Int64) {
        self.timeout = max(1_000, timeout)
    }

    /// Judges.
    ///
    /// - Parameters:
    ///   - oldest: when the oldest call that waits was made; nil where none waits.
    ///   - lastAnswer: when the guest last said that it lives.
    mutating func judge(now: Int64, oldest: Int64?, lastAnswer: Int64) -> Verdict {
        guard let oldest, now - oldest > timeout / 2 else {
            asked = nil
            return .fine
        }
        let seconds = (now - oldest) / 1000
        if now - oldest > Self.callLimit {
            return .gone("it left a call unanswered for \(seconds) s")
        }
        guard let asked else {
            self.asked = now
            return .ask
        }
        guard lastAnswer < asked else {
            // It lives. It is asked again after a while, for as long as the call waits.
            if now - asked > timeout / 2 {
                self.asked = now
                return .ask
            }
            return .fine
        }
        return now - asked > timeout / 2 ? .gone("it has answered nothing for \(seconds) s") : .fine
    }
}
