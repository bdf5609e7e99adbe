import Platform
public import VirtualMachine

/// Which hypervisor a machine runs on: KVM, User-Mode Linux, QEMU's translator, in this order.
///
/// `/dev/kvm` can exist and still not run an ordinary guest, so KVM is only chosen where a test
/// boot has shown that it does. A mount does not wait for that test where User-Mode Linux is there:
/// it runs on that until somebody has had KVM tested (`causeway hypervisors --test`). Without
/// User-Mode Linux, an untested KVM is tested once, under a time limit. Results are remembered
/// until machine or software changes.
public struct HypervisorLadder: Sendable {
    /// The order of preference.
    public static let order: [HypervisorKind] = [.kvm, .uml, .tcg]

    private let memoryFile: String
    private let appliances: [HypervisorKind: AppliancePaths]
    private let hypervisors: [HypervisorKind: any Hypervisor]
    private let key: String

    /// A ladder over the appliances there are; a kind without one cannot be chosen.
    public init(memoryFile: String, appliances: [HypervisorKind: AppliancePaths]) {
        self.memoryFile = memoryFile
        self.appliances = appliances
        key = MachineKey.current(appliances: appliances)
        hypervisors = [
            .kvm: QEMUHypervisor(.kvm), .tcg: QEMUHypervisor(.tcg),
            .uml: UMLHypervisor(kernel: appliances[.uml]?.kernel ?? ""),
        ]
    }

    /// The kinds that a name means: `uml`, `qemu-kvm`, `qemu-tcg`, or `qemu` for the better of the
    /// two; nil for a name that means none.
    public static func kinds(named name: String) -> [HypervisorKind]? {
        if name == "qemu" { return [.kvm, .tcg] }
        return HypervisorKind(rawValue: name).map { [$0] }
    }

    /// Chooses; where a kind is requested, that one or an error.
    ///
    /// Takes a millisecond or two, unless KVM has to be tested.
    public func choose(requested: HypervisorKind? = nil) throws(VirtualMachineError)
        -> any Hypervisor
    {
        try choose(among: requested.map { [$0] } ?? Self.order)
    }

    /// Chooses the first of these kinds that can run here, or throws why none can.
    public func choose(among kinds: [HypervisorKind]) throws(VirtualMachineError) -> any Hypervisor
    {
        var memory = LadderMemory(file: memoryFile, key: key)
        var reasons: [VirtualMachineError] = []
        for kind in kinds {
            guard let hypervisor = hypervisors[kind] else { continue }
            if let error = missing(kind) {
                reasons.append(error)
                continue
            }
            if case .fails(let reason) = memory.results[kind] {
                reasons.append(Self.doesNotBoot(kind, reason))
                continue
            }
            if kind == .kvm && memory.results[kind] == nil {
                // Another one that needs no test spares this mount the wait.
                if kinds.contains(.uml) && missing(.uml) == nil { continue }
                if case .fails(let reason) = test(kind, &memory) {
                    reasons.append(Self.doesNotBoot(kind, reason))
                    continue
                }
            }
            return hypervisor
        }
        throw Self.combined(reasons)
    }

    /// One hypervisor as `causeway hypervisors` shows it.
    public struct Finding: Sendable {
        /// Which one.
        public var kind: HypervisorKind
        /// Whether it is installed.
        public var presence: HypervisorPresence
        /// What came of its last test on this machine and software; nil: not tested.
        public var boot: BootResult?
        /// Whether a mount would run on it now.
        public var isChosen: Bool
        /// Why, or why not.
        public var reason: String
    }

    /// Every kind, in the order of preference.
    ///
    /// Blocks for some ten milliseconds; with `test`, boots everything that is installed.
    public func survey(test: Bool) -> [Finding] {
        var memory = LadderMemory(file: memoryFile, key: key)
        for kind in Self.order where test && missing(kind) == nil {
            _ = self.test(kind, &memory)
        }
        let chosen = try? choose().kind
        return Self.order.map { kind in
            Finding(
                kind: kind, presence: presence(kind), boot: memory.results[kind],
                isChosen: kind == chosen,
                reason: reason(kind, chosen: chosen, result: memory.results[kind]))
        }
    }

    private func presence(_ kind: HypervisorKind) -> HypervisorPresence {
        if let error = missing(kind) {
            return .missing(reason: error.cause, remedy: error.remedy)
        }
        return hypervisors[kind]?.presence() ?? .missing(reason: "unknown", remedy: "")
    }

    private func reason(
        _ kind: HypervisorKind, chosen: HypervisorKind?, result: BootResult?
    ) -> String {
        if let error = missing(kind) { return error.cause }
        switch result {
        case .fails(let reason): return "does not boot: \(reason)"
        case .boots where kind == chosen: return "the best that is shown to boot"
        case nil where kind == chosen: return "the best that needs no test"
        case nil where kind == .kvm: return "not tested; --test boots it once"
        case .boots, nil: return "kept in reserve"
        }
    }

    /// Boots a kind, and remembers.
    ///
    /// A memory that cannot be written only costs the next test.
    private func test(_ kind: HypervisorKind, _ memory: inout LadderMemory) -> BootResult {
        guard let hypervisor = hypervisors[kind], let appliance = appliances[kind] else {
            return .fails(reason: "there is no appliance for it")
        }
        let result = BootTest.run(
            hypervisor, appliance: appliance, limit: BootTest.limit(for: kind))
        memory.note(result, for: kind)
        try? memory.save(to: memoryFile)
        return result
    }

    private func missing(_ kind: HypervisorKind) -> VirtualMachineError? {
        guard let appliance = appliances[kind] else {
            return VirtualMachineError(
                cause: "there is no appliance for \(kind.rawValue)",
                remedy: "`causeway appliance build` makes it.")
        }
        for path in [appliance.kernel, appliance.initramfs] where !Files.isReadable(path) {
            return VirtualMachineError(
                cause: "the appliance's file \(path) cannot be read",
                remedy: "`causeway appliance build` makes it.")
        }
        let obstacle =
            switch kind {
            case .uml: UMLHypervisor(kernel: appliance.kernel).obstacle()
            case .kvm: QEMUHypervisor(.kvm).obstacle()
            case .tcg: QEMUHypervisor(.tcg).obstacle()
            }
        guard case .missing(let reason, let remedy) = obstacle else { return nil }
        return VirtualMachineError(cause: reason, remedy: remedy)
    }

    private static func doesNotBoot(
        _ kind: HypervisorKind, _ reason: String
    ) -> VirtualMachineError {
        VirtualMachineError(
            cause: "\(kind.rawValue) does not boot on this machine: \(reason)",
            remedy: "`causeway hypervisors --test` tries again.")
    }

    private static func combined(_ reasons: [VirtualMachineError]) -> VirtualMachineError {
        if reasons.count == 1, let only = reasons.first { return only }
        return VirtualMachineError(
            cause: "no hypervisor can run here: " + reasons.map(\.cause).joined(separator: "; "),
            remedy: reasons.first?.remedy ?? "`causeway hypervisors` shows what is missing.")
    }
}
