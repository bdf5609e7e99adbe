import Platform
import Synchronization

/// What all connections of a relay share: who is there, and the figures.
///
/// Any thread.
final class RelayCore: Sendable {
    let limits: RelayLimits
    let bytesFromClients = Atomic<UInt64>(0)
    let bytesToClients = Atomic<UInt64>(0)
    private let state = Condition(State())

    private struct State {
        var connections: [ObjectIdentifier: RelayConnection] = [:]
        var total: UInt64 = 0
        /// Why nobody is let in any more; nil while that is not so.
        var end: String?
    }

    init(_ limits: RelayLimits) { self.limits = limits }

    var figures: RelayFigures {
        var figures = RelayFigures()
        (figures.open, figures.total) = state.change { ($0.connections.count, $0.total) }
        figures.bytesFromClients = bytesFromClients.load(ordering: .relaxed)
        figures.bytesToClients = bytesToClients.load(ordering: .relaxed)
        return figures
    }

    /// Why the relay has ended; nil while it has not.
    var end: String? { state.change { $0.end } }

    /// Lets a connection in; false where there are too many, or the relay has ended.
    func admit(_ connection: RelayConnection) -> Bool {
        state.change { state in
            guard state.end == nil, state.connections.count < limits.connections else {
                return false
            }
            state.connections[ObjectIdentifier(connection)] = connection
            state.total += 1
            return true
        }
    }

    /// Forgets a connection.
    func left(_ connection: RelayConnection) {
        state.change { $0.connections[ObjectIdentifier(connection)] = nil }
    }

    /// Lets nobody in from now on; returns who is there.
    func close(_ reason: String) -> [RelayConnection] {
        state.change { state in
            if state.end == nil { state.end = reason }
            return Array(state.connections.values)
        }
    }

    /// Waits until nobody is there; false where that takes longer.
    func waitUntilEmpty(milliseconds: Int64) -> Bool {
        state.wait(milliseconds: milliseconds) { $0.connections.isEmpty ? true : nil } ?? false
    }
}
