import Lines
import Platform

/// The process that holds a session, from attach to a proven-clean detach.
///
/// Started by `causeway mount` in a session of its own, with one end of a socket pair as
/// descriptor 3: it reads one `SessionRequest` from it and answers with `SessionEvent`s. When the
/// folder is usable it goes on in the background; where that command is gone by then, it undoes
/// what it has done.
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
            let announce: Announcement = { (phase: String) throws(SessionError) in
                do { try launcher.send(SessionEvent.phase(phase)) } catch { throw .abandoned }
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
        do { try launcher.send(SessionEvent.usable(session.record)) } catch {
            session.log.note("nobody waits for this session any more")
            if (try? session.detach(force: false, announce: { _ in })) != nil { return 1 }
            // Somebody has found it and uses it.
        }
        var loop = SessionLoop(
            session: session, lifeline: session.request.endsWithLauncher ? launcher : nil)
        loop.run()
        return 0
    }
}

extension SessionError {
    /// The command that asked for a session was interrupted.
    fileprivate static let abandoned = SessionError(
        .session, "the command that asked for this session is gone", remedy: "Start it again.")

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
