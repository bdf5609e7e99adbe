import Appliance
import Bridge
import GuestLink
import Hypervisors
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
    /// Starts a machine with these disks, its bridge and its storage daemon; returns when the guest
    /// has greeted.
    ///
    /// Goes on from the clock's phase to `boot`.
    func startMachine(
        storage: StoragePlan, servingBlocks: Bool, clock: inout PhaseClock
    ) throws(SessionError) {
        let chosen = try chooseHypervisor(servingBlocks: servingBlocks)
        let link = try startHelpers(storage)
        try launch(chosen, link: link)
        try waitForStorage()
        try clock.begin("boot")
        try greetGuest(limit: AttachLimits.boot(chosen.hypervisor.kind))
    }

    private func chooseHypervisor(servingBlocks: Bool) throws(SessionError) -> ChosenMachine {
        do {
            let appliance = try Appliance.locate(directory: request.folders.appliance)
            var packaged: [HypervisorKind: AppliancePaths] = [:]
            for kind in HypervisorKind.allCases { packaged[kind] = try? appliance.paths(for: kind) }
            let ladder = HypervisorLadder(
                memoryFile: request.folders.hypervisorMemory, appliances: packaged)
            let hypervisor = try ladder.choose(among: try requestedKinds())
            record.hypervisor = hypervisor.kind.rawValue
            return ChosenMachine(
                hypervisor: hypervisor,
                appliance: try appliance.paths(
                    for: hypervisor.kind, servingBlocks: servingBlocks))
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
    private func startHelpers(_ plan: StoragePlan) throws(SessionError) -> OwnedFD {
        do {
            let bridge = try BridgeHandle.start(executable: try Host.executable(), log: log.raw)
            self.bridge = bridge
            record.processes["bridge"] = bridge.process.id
            let storage = try StorageDaemon.start(plan, log: log.raw)
            self.storage = storage
            record.processes["storage"] = storage.process.id
            publish()
            return try bridge.waitForLink(milliseconds: AttachLimits.link)
        } catch let error as BridgeError {
            throw SessionError(
                .bridge, error.cause, remedy: error.remedy, details: log.tail(lines: 6),
                exit: .environment)
        } catch let error as StorageError {
            throw SessionError.storage(error)
        } catch {
            throw SessionError.any(error)
        }
    }

    /// The machine boots meanwhile; what the daemon has to complain about is told from here.
    private func waitForStorage() throws(SessionError) {
        do { try storage?.waitUntilReady() } catch {
            throw .storage(error, details: log.tail(lines: 6))
        }
    }

    private func launch(_ chosen: ChosenMachine, link: OwnedFD) throws(SessionError) {
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
}
