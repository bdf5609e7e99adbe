import Glibc

/// Threads that may block, each for one long piece of work.
public enum WorkerThread {
    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread that nobody joins; EAGAIN where there are too many.
    public static func start(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Start(body)).toOpaque()
        let error = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, argument)
        guard error == 0 else {
            Unmanaged<Start>.fromOpaque(argument).release()
            throw SystemError(errno: error, call: "pthread_create")
        }
        pthread_detach(thread)
    }
}
