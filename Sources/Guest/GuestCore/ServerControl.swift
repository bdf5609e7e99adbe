import Glibc
import Platform
import Synchronization

/// Whether the NFS server serves.
///
/// Its first start runs beside the wait for the host's first request; it stops whenever nothing is
/// exported.
final class ServerControl: Sendable {
    private let failure = Mutex<SystemError?>(nil)
    private let isStopped = Mutex<Bool>(false)
    private let started: OwnedFD

    /// Begins to start the server on a thread of its own.
    init() throws(SystemError) {
        let (reader, writer) = try Descriptors.pipe()
        started = reader
        try WorkerThread.start { [self] in
            do throws(SystemError) { try NFSServer.prepare() } catch {
                failure.withLock { $0 = error }
            }
            // The end of the pipe tells everybody who waits, now or later.
            withExtendedLifetime(writer) {}
        }
    }

    /// Waits until the server serves, or starts it again; blocks, at most 30 seconds.
    ///
    /// Called by the control connection's thread only, as is `stop`.
    func ensureServing() throws(SystemError) {
        guard try Descriptors.waitReadable(started.raw, milliseconds: 30_000) else {
            throw SystemError(errno: ETIMEDOUT, call: "start the file server")
        }
        if let error = failure.withLock({ $0 }) { throw error }
        if isStopped.withLock({ $0 }) {
            try NFSServer.start()
            isStopped.withLock { $0 = false }
        }
    }

    /// Stops the server; every export ends and every file it held is closed.
    func stop() throws(SystemError) {
        guard !isStopped.withLock({ $0 }) else { return }
        try NFSServer.stop()
        isStopped.withLock { $0 = true }
    }
}
