import GuestLink
import GuestWire
import Platform
import Relay

/// The loop of a bridge that carries connections into the guest: agent and session.
///
/// One thread; the relay has others.
final class ForwardLoop {
    private let control: ControlSocket
    private let agent: AgentClient
    private let relay: Relay
    private var toldLost = false

    /// How long the guest may acknowledge nothing before it counts as gone.
    private static let silenceMilliseconds = 60_000
    /// How long bytes that are on their way may take at the end.
    private static let graceMilliseconds: Int64 = 1_000
    /// Open files besides two for each connection.
    private static let otherFiles = 64

    /// Reads the greeting of the *files* connection.
    init(_ control: ControlSocket, files: OwnedFD) throws(BridgeError) {
        self.control = control
        var limits = RelayLimits()
        limits.silenceMilliseconds = Self.silenceMilliseconds
        do {
            _ = try GuestConnection(files, milliseconds: 5_000)
            try StreamSocket.setLifeline(
                files.raw, milliseconds: UInt32(Self.silenceMilliseconds))
            let files = try OpenFiles.raiseLimit(to: 2 * limits.connections + Self.otherFiles)
            limits.connections = max(1, min(limits.connections, (files - Self.otherFiles) / 2))
        } catch {
            throw BridgeError(.forward, "\(error)")
        }
        agent = AgentClient(files)
        relay = Relay(limits: limits)
    }

    /// Accepts on these sockets for the guest's ports until the session is gone, or has had
    /// everything ended; returns the exit code.
    func run(
        _ ports: [UInt16], _ listeners: [OwnedFD], guest: UInt32 = PrivateLink.guest
    ) throws(BridgeError) -> Int32 {
        do {
            try relay.start(
                zip(listeners, ports).map {
                    RelayListener(socket: $0, address: guest, port: $1)
                })
        } catch {
            throw BridgeError(.forward, "\(error)")
        }
        control.send(.serving)
        defer { relay.stop(graceMilliseconds: 0) }
        var set = PollSet()
        let (agentPlace, controlPlace) = (set.add(-1, []), set.add(control.raw, .readable))
        while true {
            set.set(agentPlace, agent.raw, .readable)
            do { _ = try set.wait(milliseconds: -1) } catch {
                control.log("\(error)")
                return 1
            }
            if !set[agentPlace].isEmpty {
                agent.receive()
                agent.failure.map(loseGuest)
            }
            if !set[controlPlace].isEmpty, !obey() { return 0 }
        }
    }

    /// Does what the session says; false where that was the last thing.
    private func obey() -> Bool {
        let received: (BridgeMessage, [OwnedFD])?
        do { received = try control.receive() } catch {
            control.log("\(error)")
            return false
        }
        switch received?.0 {
        case .guestGone(let reason)?: loseGuest(reason)
        case .tellStatistics?: control.send(.statistics(statistics))
        case .drain?:
            relay.stop(graceMilliseconds: Self.graceMilliseconds)
            control.send(.drained(statistics))
            return false
        case nil: return false
        default: control.send(.failed(BridgeError(.control, "the bridge serves already")))
        }
        return true
    }

    /// Ends every connection; tells the session once.
    private func loseGuest(_ reason: String) {
        agent.end(reason)
        relay.cut(reason)
        guard !toldLost else { return }
        toldLost = true
        control.send(.guestLost(reason: reason))
    }

    private var statistics: BridgeStatistics {
        let figures = relay.figures
        var statistics = BridgeStatistics()
        statistics.bytesRead = figures.bytesToClients
        statistics.bytesWritten = figures.bytesFromClients
        return statistics
    }
}
