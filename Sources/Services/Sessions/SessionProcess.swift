import Lines
import Platform

/// The process that holds a session, from attach to a proven-clean detach.
///
/// Started by `causeway mount` in a session of its own, with one end of a socket pair as
/// descriptor 3: it reads one `SessionRequest` from it and answers with `SessionEvent`s. When the
/// folder is usable it goes on in the background.
public enum SessionProcess {
    /// Runs the session; returns the process's exit code.
    public static func run() -> Int32 {
        Host.detachFromTerminal()
        let launcher = LineChannel(OwnedFD(taking: 3))
        let session: Session
        do {
            guard let request = try launcher.receive(SessionRequest.self, milliseconds: 10_000)
            else { return 1 }
            session = try Session(request)
        } catch {
            try? launcher.send(SessionEvent.failed(SessionError.any(error)))
            return 1
        }
        do {
            let announce = { (phase: String) in
                _ = try? launcher.send(SessionEvent.phase(phase))
            }
            if session.request.export != nil {
                try session.attachExport(announce: announce)
            } else if session.request.isNative {
                try session.attachNative(announce: announce)
            } else {
                try session.attach(announce: announce)
            }
        } catch {
            session.fail("attach failed: \(error)")
            session.abandon()
            try? launcher.send(SessionEvent.failed(error))
            return 1
        }
        try? launcher.send(SessionEvent.usable(session.record))
        SessionLoop(session: session).run()
        return 0
    }
}

extension SessionError {
    /// Any error as a session error.
    static func any(_ error: any Error) -> SessionError {
        if let error = error as? SessionError { return error }
        if error is LineError {
            return SessionError(
                .session, "the session does not answer",
                remedy: "Look at `causeway list`; `causeway unmount --force` ends it.")
        }
        return SessionError(.session, "\(error)", remedy: "See `causeway logs`.")
    }
}
