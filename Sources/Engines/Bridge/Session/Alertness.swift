/// How long a loop looks for work before it sleeps: a pure value.
///
/// Who sleeps is woken late: the processor that idles must be woken first, which in a virtual
/// machine takes longer than the guest needs for a small call. Where one call follows the other
/// closely, the loop stays awake for the next one; one that comes late ends that, so that an idle
/// folder costs nothing. The kernel's KVM does the same for idle processors
/// (Documentation/virt/kvm/halt-polling.rst).
struct Alertness {
    /// The shortest look that is not none, in nanoseconds.
    private static let shortest: Int64 = 20_000
    /// After a longer wait what comes is something new, in nanoseconds.
    private static let pause: Int64 = 10_000_000
    /// How sure it must be that calls come one by one, and how sure it can be.
    private static let (sure, surest) = (8, 16)

    /// The longest look, in nanoseconds: a call that takes longer gains little.
    private let longest: Int64
    /// Calls that came one by one; several at once count for four that did not.
    private var calm = 0
    private var wait: Int64 = 0

    /// How long the loop looks before it sleeps next, in nanoseconds.
    var window: Int64 { calm < Self.sure ? 0 : wait }

    /// - Parameters:
    ///   - longest: the longest look, in nanoseconds.
    ///   - processors: how many there are; on one, nobody else could run meanwhile.
    init(longest: Int64 = 500_000, processors: Int) {
        self.longest = processors > 1 ? longest : 0
    }

    /// Notes how long the loop had nothing to do, asleep or not, in nanoseconds.
    mutating func note(waited: Int64) {
        calm = waited > Self.pause ? 0 : min(Self.surest, calm + 1)
        if waited > longest {
            wait = 0
        } else if waited > wait {
            wait = min(longest, max(Self.shortest, 4 * wait))
        }
    }

    /// Notes that there are several calls at once: whoever carries them out needs the processors.
    mutating func noteSeveral() { calm = max(0, calm - 4) }
}
