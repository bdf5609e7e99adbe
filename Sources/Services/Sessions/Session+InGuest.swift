import Bridge
import FoundationEssentials
import GuestLink
import GuestWire
import Platform
import StorageDaemon
import Targets

extension Session {
    /// Serves from a machine: the guest opens the disk and speaks with the clients, whose
    /// connections the bridge relays.
    func serveInGuest(
        _ planned: TargetPlan, _ part: ExportedPart, _ listeners: ExportListeners,
        clock: inout PhaseClock
    ) throws(SessionError) {
        var plan = planned
        plan.store = .device(path: "/dev/vda")
        let protocols = ExportProtocol.allCases.filter { wanted in
            listeners.all.contains { $0.protocol == wanted }
        }
        let address = PrivateLink.dotted(PrivateLink.guest)
        plan.listeners = try protocols.map { wanted throws(SessionError) in
            .init(.address(address, port: try Self.port(wanted)), wanted)
        }
        plan.relayedPortals = Self.portals(listeners)
        try startMachine(
            storage: StoragePlan(
                source: source.descriptor, format: part.format, readOnly: request.mode != .write,
                logicalSectorSize: part.sectorSize, windows: part.window.map { [$0] } ?? [],
                socketFolder: "\(folder)/disks"),
            servingBlocks: true, clock: &clock)
        try clock.begin("serve")
        try askGuest(to: plan)
        do {
            try bridge?.forward(
                listeners: listeners.all.map(\.socket),
                ports: try listeners.all.map { try Self.port($0.protocol) },
                milliseconds: AttachLimits.serve)
        } catch { throw SessionError.any(error) }
    }

    /// The port on which the guest serves a protocol.
    private static func port(_ wanted: ExportProtocol) throws(SessionError) -> UInt16 {
        if let port = wanted.standardPort { return port }
        throw SessionError(
            .target, "\(wanted.rawValue) is served by this host alone",
            remedy: "Leave --in-guest out.", exit: .notSupported)
    }

    /// What discovering initiators are told: every address that they can come to, or none where one
    /// stands for all of this host's.
    private static func portals(_ listeners: ExportListeners) -> [String] {
        var portals: [String] = []
        for listener in listeners.all where listener.protocol == .iscsi {
            guard case .tcp(let host, _) = listener.address else { continue }
            if ["0.0.0.0", "::"].contains(host) { return [] }
            portals.append("\(listener.address)")
        }
        return portals
    }

    private func askGuest(to plan: TargetPlan) throws(SessionError) {
        do {
            let bytes = [UInt8](try JSONEncoder().encode(plan))
            guard bytes.count <= GuestWire.Limits.blockPlan else {
                throw SessionError(
                    .target, "the certificates and keys are too long for the guest",
                    remedy: "Leave --in-guest out.", exit: .notSupported)
            }
            _ = try guest?.call(.serveBlocks(plan: bytes), milliseconds: GuestLimits.start)
        } catch let error as SessionError {
            throw error
        } catch {
            throw SessionError(
                .guest, "\(error)", remedy: "See `causeway logs`.", details: log.tail(lines: 12),
                exit: .guestFailed)
        }
    }

    /// Lets the guest's clients finish, and has everything they were told is written made durable
    /// on the guest's disk.
    func stopGuestTargets(
        force: Bool, steps: inout DetachSteps
    ) -> (read: UInt64, written: UInt64) {
        var figures = TargetFigures()
        if let guest {
            steps.begin("clients")
            do {
                let drain = force ? ExportLimits.forced : ExportLimits.drain
                let reply = try guest.call(
                    .stopBlocks(milliseconds: UInt64(drain)),
                    milliseconds: drain + DetachLimits.writing(force: force))
                guard case .data(let bytes) = reply else { throw GuestLinkError.unexpected }
                figures = try JSONDecoder().decode(TargetFigures.self, from: Data(bytes))
                steps.end(
                    "clients", held: true,
                    "what was acknowledged is flushed; clients sent \(figures.bytesWritten) bytes")
            } catch { steps.end("clients", held: false, "\(error)") }
        }
        // The bridge holds nothing of its own: what it relayed was the guest's.
        _ = try? bridge?.drain(milliseconds: 2000)
        endBridge()
        return (figures.bytesRead, figures.bytesWritten)
    }
}

/// Time limits of serving in a guest, in milliseconds.
private enum GuestLimits {
    /// From the order to the first listener; the disk may be a moment in coming.
    static let start: Int64 = 60_000
}
