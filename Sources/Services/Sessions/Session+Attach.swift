import Appliance
import Bridge
import Catalogue
import GuestLink
import GuestWire
import Hypervisors
import Inspection
import Platform
import StorageDaemon
import VirtualMachine

/// Time limits of an attach, in milliseconds.
enum AttachLimits {
    /// From the bridge's start to its link.
    static let link: Int64 = 10_000
    /// From the machine's start to the guest's greeting, by hypervisor.
    static func boot(_ kind: HypervisorKind) -> Int64 { kind == .tcg ? 180_000 : 30_000 }
    /// A mount in the guest: journals replay here.
    static let mount: Int64 = 300_000
    /// The bridge's first answers.
    static let serve: Int64 = 20_000
}

/// The hypervisor of the ladder's choice, and the appliance packed for it.
private struct ChosenMachine {
    var hypervisor: any Hypervisor
    var appliance: AppliancePaths
}

extension Session {
    /// Makes the folder usable.
    ///
    /// On an error everything that was started is for `abandon` to end.
    func attach(announce: @escaping (String) -> Void) throws(SessionError) {
        var clock = PhaseClock(announce: announce)
        clock.begin("inspect")
        let plan = try SessionPlan(request: request, source: source, session: self)
        clock.begin("start")
        let chosen = try chooseHypervisor()
        let link = try startHelpers(plan)
        try startMachine(chosen, link: link)
        try waitForStorage()
        clock.begin("boot")
        try greetGuest(limit: AttachLimits.boot(chosen.hypervisor.kind))
        clock.begin("mount")
        try mountInGuest(plan)
        clock.begin("serve")
        try serve(plan)
        clock.end()
        record.phases = clock.phases
        record.state = .usable
        publish()
        log.note("usable on \(request.mountpoint)")
    }

    private func chooseHypervisor() throws(SessionError) -> ChosenMachine {
        do {
            let appliance = try Appliance.locate(directory: request.folders.appliance)
            var packaged: [HypervisorKind: AppliancePaths] = [:]
            for kind in HypervisorKind.allCases { packaged[kind] = try? appliance.paths(for: kind) }
            let ladder = HypervisorLadder(
                memoryFile: request.folders.hypervisorMemory, appliances: packaged)
            let hypervisor = try ladder.choose(among: try requestedKinds())
            record.hypervisor = hypervisor.kind.rawValue
            return ChosenMachine(
                hypervisor: hypervisor, appliance: try appliance.paths(for: hypervisor.kind))
        } catch let error as ApplianceError {
            throw SessionError(
                .machine, error.cause, remedy: error.remedy, exit: .environment)
        } catch let error as VirtualMachineError {
            throw SessionError(
                .machine, error.cause, remedy: error.remedy, exit: .environment)
        } catch { throw SessionError.any(error) }
    }

    private func requestedKinds() throws(SessionError) -> [HypervisorKind] {
        guard let name = request.hypervisor else { return HypervisorLadder.order }
        guard let kinds = HypervisorLadder.kinds(named: name) else {
            throw SessionError(
                .machine, "there is no hypervisor called \(name)",
                remedy: "`causeway hypervisors` lists them.", exit: .notSupported)
        }
        return kinds
    }

    /// Starts the bridge and the storage daemon side by side; returns the guest's end of the link.
    private func startHelpers(_ plan: SessionPlan) throws(SessionError) -> OwnedFD {
        do {
            let bridge = try BridgeHandle.start(executable: try Host.executable(), log: log.raw)
            self.bridge = bridge
            record.processes["bridge"] = bridge.process.id
            let storage = try StorageDaemon.start(plan.storage, log: log.raw)
            self.storage = storage
            record.processes["storage"] = storage.process.id
            publish()
            return try bridge.waitForLink(milliseconds: AttachLimits.link)
        } catch let error as BridgeError {
            throw SessionError(
                .bridge, error.cause, remedy: error.remedy, details: log.tail(lines: 6),
                exit: .environment)
        } catch let error as StorageError {
            throw SessionError(
                .storage, error.cause, remedy: error.remedy, exit: .environment)
        } catch {
            throw SessionError.any(error)
        }
    }

    /// The machine boots meanwhile; what the daemon has to complain about is told from here.
    private func waitForStorage() throws(SessionError) {
        do { try storage?.waitUntilReady() } catch {
            throw SessionError(
                .storage, error.cause, remedy: error.remedy, details: log.tail(lines: 6),
                exit: .environment)
        }
    }

    private func startMachine(_ chosen: ChosenMachine, link: OwnedFD) throws(SessionError) {
        do {
            let machine = try chosen.hypervisor.start(
                VirtualMachineDescription(
                    appliance: chosen.appliance, memoryMiB: request.memoryMiB,
                    diskSockets: storage?.diskSockets ?? [], link: link.raw, console: log.raw,
                    commandLine: []))
            self.machine = machine
            record.processes["machine"] = machine.id
            publish()
        } catch {
            throw SessionError(
                .machine, error.cause, remedy: error.remedy, exit: .environment)
        }
    }

    private func greetGuest(limit: Int64) throws(SessionError) {
        guard let bridge, let machine else { return }
        do {
            let deadline = Clock.milliseconds() + limit
            // A machine that ends is told at once, not after the whole limit.
            while true {
                if let end = try machine.wait(milliseconds: 0) {
                    self.machine = nil
                    throw SessionError(
                        .machine, "the virtual machine ended while booting (\(end))",
                        remedy: "`causeway hypervisors --test` shows what boots on this host.",
                        details: log.tail(lines: 12), exit: .guestFailed)
                }
                let ready = try Descriptors.poll(
                    [(bridge.controlDescriptor, .readable), (machine.pidfd.raw, .readable)],
                    milliseconds: 1000)
                if !ready[0].isEmpty { break }
                if Clock.milliseconds() > deadline {
                    throw SessionError(
                        .machine, "the guest did not come up within \(limit / 1000) s",
                        remedy: "`causeway hypervisors --test` shows what boots on this host.",
                        details: log.tail(lines: 12), exit: .guestFailed)
                }
            }
            let control = try bridge.waitForGuest(milliseconds: 5000)
            guest = try GuestConnection(control, milliseconds: 5000)
        } catch let error as GuestLinkError {
            throw SessionError(
                .guest, "\(error)",
                remedy: "`causeway appliance build` makes a matching appliance.",
                exit: .guestFailed)
        } catch {
            throw SessionError.any(error)
        }
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
        do {
            let fuse = try FuseMount.open(
                mountpoint: request.mountpoint,
                options: FuseMountOptions(
                    source: request.source, readOnly: request.mode == .readOnly,
                    allowOther: request.allowOther))
            isMounted = true
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
                    readOnly: request.mode == .readOnly),
                milliseconds: AttachLimits.serve)
        } catch {
            throw SessionError(
                .bridge, "\(error)", remedy: "Try again; `causeway logs` has the details.",
                details: log.tail(lines: 8), exit: .environment)
        }
    }
}
