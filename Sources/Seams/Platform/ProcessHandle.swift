import CPlatform

/// A handle on a process that is not our child; it cannot come to mean another process.
public final class ProcessHandle: Sendable {
    private let pidfd: OwnedFD

    /// Takes hold of a process; ESRCH where it has ended.
    public init(_ process: Int32) throws(SystemError) {
        pidfd = OwnedFD(taking: try checked(cp_pidfd_open(process), "pidfd_open \(process)"))
    }

    /// Sends a signal; a process that has ended is no error.
    public func signal(_ number: Int32) {
        _ = cp_pidfd_signal(pidfd.raw, number)
    }

    /// Waits for its end, at most `milliseconds`; false where it goes on.
    public func waitForEnd(milliseconds: Int32) throws(SystemError) -> Bool {
        try Descriptors.waitReadable(pidfd.raw, milliseconds: milliseconds)
    }
}
