import Glibc
import Platform
import Synchronization

/// The NFS server's start, which runs beside the wait for the host's first request.
final class ServerStart: Sendable {
    private let outcome = Mutex<SystemError?>(nil)
    private let finished: OwnedFD

    /// Begins to start the server on a thread of its own.
    init() throws(SystemError) {
        let (reader, writer) = try Descriptors.pipe()
        finished = reader
        try GuestThread.start { [self] in
            do throws(SystemError) { try NFSServer.start() } catch {
                outcome.withLock { $0 = error }
            }
            // The end of the pipe tells everybody who waits, now or later.
            withExtendedLifetime(writer) {}
        }
    }

    /// Waits until the server serves, at most 30 seconds.
    func wait() throws(SystemError) {
        guard try Descriptors.waitReadable(finished.raw, milliseconds: 30_000) else {
            throw SystemError(errno: ETIMEDOUT, call: "start the file server")
        }
        if let error = outcome.withLock({ $0 }) { throw error }
    }
}
