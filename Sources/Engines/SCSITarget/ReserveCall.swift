import SCSIWire

/// One PERSISTENT RESERVE OUT, read and checked: what it does to the reservations of a unit.
struct ReserveCall {
    private let service: SCSIReserveService
    private let name: SCSINexusName
    private let kind: SCSIReservationKind?
    private let parameters: SCSIReserveParameters
    private let others: [SCSINexusName]

    /// Whether the reservations are to outlive the loss of power.
    var persists: Bool { registers && parameters.persists }

    private var registers: Bool {
        service == .register || service == .registerAndIgnore || service == .registerAndMove
    }

    init(
        _ service: SCSIReserveService, _ task: SCSITask, _ name: SCSINexusName,
        _ list: UnsafeRawBufferPointer, _ target: SCSITarget
    ) throws(Refusal) {
        self.service = service
        self.name = name
        let byte = task.block[2]
        kind = SCSIReservationKind(rawValue: byte & 0x0F)
        if service == .reserve || service == .release || service == .preempt
            || service == .preemptAndAbort
        {
            guard byte & 0xF0 == 0 else { throw .field(2, bit: 7) }
            guard kind != nil else { throw .field(2, bit: 3) }
        }
        do throws(SCSISense) {
            if service == .registerAndMove {
                parameters = try SCSIReserveParameters(moving: list)
            } else {
                guard service == .register || !SCSIReserveParameters.namesInitiators(list) else {
                    throw .parameter(20, bit: 3)
                }
                parameters = try SCSIReserveParameters(basic: list)
            }
        } catch {
            throw .check(error)
        }
        others = parameters.initiators.map {
            SCSINexusName(
                initiator: $0.name, session: $0.session ?? 0, portalGroup: target.portalGroup)
        }
        guard parameters.initiators.allSatisfy({ $0.session != nil }) else {
            throw .parameter(24)
        }
        if service == .registerAndMove, parameters.port != target.portalGroup {
            throw .parameter(18)
        }
    }

    /// Serves the call; on a refusal the reservations are as they were.
    func apply(
        to reservations: inout PersistentReservations
    ) throws(Refusal) -> PersistentReservations.Effects {
        let key = parameters.key
        let new = parameters.actionKey
        switch (service, kind) {
        case (.register, _): return try register(&reservations)
        case (.registerAndIgnore, _):
            return try reservations.register(
                name, key: nil, new: new, persists: parameters.persists)
        case (.reserve, .some(let kind)):
            try reservations.reserve(name, key: key, kind: kind)
            return PersistentReservations.Effects()
        case (.release, .some(let kind)):
            return try reservations.release(name, key: key, kind: kind)
        case (.clear, _): return try reservations.clear(name, key: key)
        case (.preempt, .some(let kind)), (.preemptAndAbort, .some(let kind)):
            return try reservations.preempt(
                name, key: key, victim: new, kind: kind, aborts: service == .preemptAndAbort)
        case (.registerAndMove, _):
            guard let other = others.first else { throw .parameter(24) }
            try reservations.move(
                name, key: key, to: other, new: new, unregisters: parameters.unregisters,
                persists: parameters.persists)
            return PersistentReservations.Effects()
        default: throw .field(2, bit: 3)
        }
    }

    /// REGISTER, also for the initiators that the list names (SPEC_I_PT): all of them or none.
    private func register(
        _ reservations: inout PersistentReservations
    ) throws(Refusal) -> PersistentReservations.Effects {
        var trial = reservations
        if !others.isEmpty {
            // Naming others is for the first registration only, and not for those that have one.
            guard trial.key(of: name) == nil, parameters.actionKey != 0,
                !others.contains(where: { trial.key(of: $0) != nil })
            else { throw .parameter(20, bit: 3) }
        }
        let effects = try trial.register(
            name, key: parameters.key, new: parameters.actionKey, persists: parameters.persists)
        for other in others { try trial.enter(other, key: parameters.actionKey) }
        reservations = trial
        return effects
    }
}
