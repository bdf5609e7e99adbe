import SCSIWire

/// Who may use a unit, by persistent reservations (SPC-4, 5.13): a value that takes services and
/// returns whom to tell.
struct PersistentReservations: Equatable, Sendable {
    /// Most registrations of a unit.
    static let limit = 256

    /// An initiator that registered a key.
    struct Registration: Equatable, Sendable {
        var name: SCSINexusName
        var key: UInt64
    }

    /// The reservation: its type, and who holds it; all registrants hold types 7 and 8.
    struct Holder: Equatable, Sendable {
        var kind: SCSIReservationKind
        var name: SCSINexusName?
    }

    /// Whom a service concerns, besides who asked for it.
    struct Effects: Equatable, Sendable {
        /// 2Ah/04h.
        var released: Set<SCSINexusName> = []
        /// 2Ah/03h.
        var preempted: Set<SCSINexusName> = []
        /// 2Ah/05h.
        var unregistered: Set<SCSINexusName> = []
        /// Initiators whose commands end.
        var aborted: Set<SCSINexusName> = []
    }

    var registrations: [Registration] = []
    var holder: Holder?
    var generation: UInt32 = 0
    /// Whether registrations and the reservation outlive the loss of power.
    var persists = false

    /// The key that an initiator registered.
    func key(of name: SCSINexusName) -> UInt64? {
        registrations.first { $0.name == name }?.key
    }

    /// Whether an initiator holds the reservation.
    func holds(_ name: SCSINexusName) -> Bool {
        guard let holder else { return false }
        if holder.kind.isOfAll { return key(of: name) != nil }
        return holder.name == name
    }

    /// Whether an initiator may do what a command with these traits does.
    func allows(_ name: SCSINexusName, _ traits: SCSITraits) -> Bool {
        guard let holder, !holds(name) else { return true }
        if holder.kind.isForRegistrants, key(of: name) != nil { return true }
        if traits.contains(.changes) { return false }
        return holder.kind.isWriteExclusive || !traits.contains(.reads)
    }

    /// REGISTER, or REGISTER AND IGNORE EXISTING KEY where `key` is nil.
    mutating func register(
        _ name: SCSINexusName, key: UInt64?, new: UInt64, persists: Bool
    ) throws(Refusal) -> Effects {
        let old = self.key(of: name)
        if let key, key != old ?? 0 { throw .conflict }
        var effects = Effects()
        if new == 0 {
            if old != nil { effects = unregister(name) }
        } else {
            try enter(name, key: new)
        }
        self.persists = persists
        generation &+= 1
        return effects
    }

    /// Enters a registration, or changes its key.
    mutating func enter(_ name: SCSINexusName, key: UInt64) throws(Refusal) {
        if let place = registrations.firstIndex(where: { $0.name == name }) {
            registrations[place].key = key
            return
        }
        guard registrations.count < PersistentReservations.limit else {
            throw .illegal(.insufficientRegistrationResources)
        }
        registrations.append(Registration(name: name, key: key))
    }

    /// Takes a registration away, and the reservation with the last that holds it (5.13.11.2.3).
    private mutating func unregister(_ name: SCSINexusName) -> Effects {
        var effects = Effects()
        registrations.removeAll { $0.name == name }
        guard let holder else { return effects }
        if holder.kind.isOfAll {
            if registrations.isEmpty { self.holder = nil }
        } else if holder.name == name {
            self.holder = nil
            if holder.kind.isForRegistrants { effects.released = others(than: name) }
        }
        return effects
    }

    private func others(than name: SCSINexusName) -> Set<SCSINexusName> {
        Set(registrations.map(\.name)).subtracting([name])
    }

    /// What every service but the registering ones asks first.
    private func check(_ name: SCSINexusName, _ key: UInt64) throws(Refusal) {
        guard self.key(of: name) == key else { throw .conflict }
    }

    /// RESERVE.
    mutating func reserve(
        _ name: SCSINexusName, key: UInt64, kind: SCSIReservationKind
    ) throws(Refusal) {
        try check(name, key)
        if let holder {
            guard holds(name), holder.kind == kind else { throw .conflict }
            return
        }
        holder = Holder(kind: kind, name: kind.isOfAll ? nil : name)
    }

    /// RELEASE; nothing happens where the initiator does not hold the reservation.
    mutating func release(
        _ name: SCSINexusName, key: UInt64, kind: SCSIReservationKind
    ) throws(Refusal) -> Effects {
        try check(name, key)
        guard let holder, holds(name) else { return Effects() }
        guard holder.kind == kind else { throw .illegal(.invalidReleaseOfReservation) }
        self.holder = nil
        var effects = Effects()
        if kind.isForRegistrants { effects.released = others(than: name) }
        return effects
    }

    /// CLEAR.
    mutating func clear(_ name: SCSINexusName, key: UInt64) throws(Refusal) -> Effects {
        try check(name, key)
        let effects = Effects(preempted: others(than: name))
        registrations = []
        holder = nil
        generation &+= 1
        return effects
    }
}
