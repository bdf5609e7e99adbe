import ISCSIWire
import Synchronization

/// What is counted of a session, for whoever asks the server.
// Written on the session's event loop; read elsewhere as a hint only, through the copy in
// `published`, which a lock guards.
final class SessionCounters: @unchecked Sendable {
    var commands: UInt64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    private let published = Mutex<(UInt64, UInt64, UInt64)>((0, 0, 0))

    /// Makes the counts seen by others.
    func publish() {
        let counts = (commands, bytesIn, bytesOut)
        published.withLock { $0 = counts }
    }

    /// Commands, bytes from and bytes for the initiator, as of late.
    var seen: (commands: UInt64, bytesIn: UInt64, bytesOut: UInt64) { published.withLock { $0 } }
}

/// Which sessions there are, by what identifies them (RFC 7143, 4.4.3), and every connection.
final class SessionRegistry: Sendable {
    /// One session: a second login with all of this replaces the first (6.3.5).
    struct Key: Hashable, Sendable {
        var initiator: String
        var isid: ISID
        /// Index in the configuration; nil for discovery.
        var target: Int?
    }

    /// A session that is logged in, or about to be.
    struct Entry: Sendable {
        var tsih: UInt16
        var connection: ISCSIConnection
        var counters: SessionCounters
    }

    private struct State {
        /// Adds what an ended session has done.
        mutating func count(_ counters: SessionCounters) {
            let seen = counters.seen
            ended.bytesIn += seen.bytesIn
            ended.bytesOut += seen.bytesOut
        }

        var sessions: [Key: Entry] = [:]
        var handles: Set<UInt16> = []
        var lastHandle: UInt16 = 0
        var connections: [ObjectIdentifier: ISCSIConnection] = [:]
        /// Bytes from and bytes for the initiators of sessions that have ended.
        var ended: (bytesIn: UInt64, bytesOut: UInt64) = (0, 0)
        var isStopping = false
        var emptied: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: most connections at once.
    init(limit: Int) {
        self.limit = limit
    }

    /// Enters a connection; false where there are too many, or the server stops.
    func enter(_ connection: ISCSIConnection) -> Bool {
        state.withLock { state in
            guard state.connections.count < limit, !state.isStopping else { return false }
            state.connections[ObjectIdentifier(connection)] = connection
            return true
        }
    }

    /// Takes a connection out that has ended; called on its event loop.
    func leave(_ connection: ISCSIConnection) {
        let emptied = state.withLock { state -> (@Sendable () -> Void)? in
            state.connections[ObjectIdentifier(connection)] = nil
            for (key, entry) in state.sessions where entry.connection === connection {
                state.sessions[key] = nil
                state.handles.remove(entry.tsih)
                entry.counters.publish()
                state.count(entry.counters)
            }
            return state.connections.isEmpty ? state.emptied : nil
        }
        emptied?()
    }

    /// Enters a session; returns its handle, and the connection of the session that it replaces.
    func join(
        _ key: Key, _ connection: ISCSIConnection, _ counters: SessionCounters
    ) -> (tsih: UInt16, replaced: ISCSIConnection?) {
        state.withLock { state in
            let old = state.sessions[key]
            if let old {
                state.handles.remove(old.tsih)
                state.count(old.counters)
            }
            repeat {
                state.lastHandle = state.lastHandle == .max ? 1 : state.lastHandle + 1
            } while state.handles.contains(state.lastHandle)
            state.handles.insert(state.lastHandle)
            state.sessions[key] = Entry(
                tsih: state.lastHandle, connection: connection, counters: counters)
            return (state.lastHandle, old?.connection)
        }
    }

    /// Whether a session has this handle.
    func exists(_ tsih: UInt16) -> Bool { state.withLock { $0.handles.contains(tsih) } }

    /// Every session with its key.
    var sessions: [(key: Key, entry: Entry)] {
        state.withLock { $0.sessions.map { ($0.key, $0.value) } }
    }

    /// Connections of a target's sessions, but for one.
    func connections(of target: Int, except: ISCSIConnection?) -> [ISCSIConnection] {
        state.withLock { state in
            state.sessions.filter { $0.key.target == target }.map(\.value.connection)
                .filter { $0 !== except }
        }
    }

    /// Bytes from and bytes for the initiators of sessions that have ended.
    var ended: (bytesIn: UInt64, bytesOut: UInt64) { state.withLock { $0.ended } }

    /// How many connections there are.
    var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Lets nobody in any more; returns every connection.
    ///
    /// `emptied` is called when the last one has left, on its event loop; at once where there is
    /// none.
    func stop(emptied: @escaping @Sendable () -> Void) -> [ISCSIConnection] {
        let all = state.withLock { state in
            state.isStopping = true
            state.emptied = emptied
            return Array(state.connections.values)
        }
        if all.isEmpty { emptied() }
        return all
    }
}
