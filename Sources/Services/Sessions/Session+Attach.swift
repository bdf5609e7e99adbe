import Bridge
import GuestLink
import GuestWire

extension Session {
    /// Makes the folder usable.
    ///
    /// On an error everything that was started is for `abandon` to end.
    func attach(announce: @escaping Announcement) throws(SessionError) {
        var clock = PhaseClock(announce: announce)
        try clock.begin("inspect")
        let plan = try SessionPlan(request: request, source: source, session: self)
        try clock.begin("start")
        try startMachine(storage: plan.storage, servingBlocks: false, clock: &clock)
        try clock.begin("mount")
        try mountInGuest(plan)
        try clock.begin("serve")
        try serve(plan)
        clock.end()
        record.phases = clock.phases
        record.state = .usable
        publish()
        log.note("usable on \(request.mountpoint)")
    }

    private func mountInGuest(_ plan: SessionPlan) throws(SessionError) {
        guard let guest else { return }
        for volume in plan.volumes {
            do {
                let reply = try guest.call(.mount(volume.mount), milliseconds: AttachLimits.mount)
                guard case .exported(let export) = reply else { throw GuestLinkError.unexpected }
                exports.append(export)
                record.volumes.append(volume.record(export))
                for line in export.kernelMessages { log.note("guest: \(line)") }
            } catch GuestLinkError.refused(let failure) {
                // With several file systems, the others are still worth having.
                log.note("\(volume.title): \(failure.message)")
                for line in failure.kernelMessages { log.note("guest: \(line)") }
                if plan.volumes.count > 1 { continue }
                throw Self.explain(failure, volume: volume)
            } catch {
                throw SessionError(
                    .guest, "\(error)", remedy: "See `causeway logs`.",
                    details: log.tail(lines: 12), exit: .guestFailed)
            }
        }
        guard !exports.isEmpty else {
            throw SessionError(
                .fileSystem, "the guest could mount none of the \(plan.volumes.count) file systems",
                remedy: "Mount one with --partition to see why.", details: log.tail(lines: 12),
                exit: .guestFailed)
        }
    }

    private static func explain(_ failure: GuestFailure, volume: PlannedVolume) -> SessionError {
        let remedy =
            switch failure.step {
            case .driver: "The appliance's kernel lacks this driver; build it again."
            case .mount:
                "The file system may be damaged; its own fsck, on a copy, can tell."
            default: "See `causeway logs`."
            }
        return SessionError(
            .fileSystem, "\(volume.title): \(failure.message)", remedy: remedy,
            details: failure.kernelMessages, exit: .guestFailed)
    }

    private func serve(_ plan: SessionPlan) throws(SessionError) {
        guard let bridge else { return }
        try claimMountpoint()
        do {
            let fuse = try FuseMount.open(
                mountpoint: request.mountpoint,
                options: FuseMountOptions(
                    source: request.source, readOnly: request.mode == .readOnly,
                    allowOther: request.allowOther))
            noteMounted()
            let names = record.volumes.map(\.name)
            try bridge.serve(
                fuse: fuse,
                exports: zip(exports, names).map { export, name in
                    BridgeExport(
                        id: export.id, name: name, rootHandle: export.rootHandle,
                        readOnly: export.readOnly || request.mode == .readOnly)
                },
                options: BridgeOptions(
                    user: request.user, group: request.group, faithful: request.faithful,
                    readOnly: request.mode == .readOnly, isForCopying: request.isForCopying),
                milliseconds: AttachLimits.serve)
        } catch {
            throw SessionError(
                .bridge, "\(error)", remedy: "Try again; `causeway logs` has the details.",
                details: log.tail(lines: 8), exit: .environment)
        }
    }
}
