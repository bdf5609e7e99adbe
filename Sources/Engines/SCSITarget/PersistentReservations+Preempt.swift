import SCSIWire

extension PersistentReservations {
    /// PREEMPT, and PREEMPT AND ABORT with `aborts` (SPC-4, 5.13.11.2.4 to 2.6).
    mutating func preempt(
        _ name: SCSINexusName, key: UInt64, victim: UInt64, kind: SCSIReservationKind,
        aborts: Bool
    ) throws(Refusal) -> Effects {
        guard self.key(of: name) == key else { throw .conflict }
        let effects: Effects
        if let holder, takes(holder, victim) {
            effects = takeOver(name, victim: victim, kind: kind, from: holder)
        } else {
            effects = try remove(name, victim: victim)
        }
        generation &+= 1
        var result = effects
        if aborts { result.aborted = effects.unregistered.union(victims(name, victim)) }
        return result
    }

    /// Whether the reservation itself is preempted: key 0 names all registrants.
    private func takes(_ holder: Holder, _ victim: UInt64) -> Bool {
        if holder.kind.isOfAll { return victim == 0 }
        guard let owner = holder.name else { return false }
        return victim != 0 && key(of: owner) == victim
    }

    /// An initiator that preempts with its own key ends its own commands too.
    private func victims(_ name: SCSINexusName, _ victim: UInt64) -> Set<SCSINexusName> {
        key(of: name) == victim ? [name] : []
    }

    private mutating func takeOver(
        _ name: SCSINexusName, victim: UInt64, kind: SCSIReservationKind, from old: Holder
    ) -> Effects {
        var effects = Effects()
        for entry in registrations where entry.name != name {
            if old.kind.isOfAll || entry.key == victim { effects.unregistered.insert(entry.name) }
        }
        registrations.removeAll { effects.unregistered.contains($0.name) }
        holder = Holder(kind: kind, name: kind.isOfAll ? nil : name)
        if old.kind != kind {
            effects.released = Set(registrations.map(\.name)).subtracting([name])
        }
        return effects
    }

    private mutating func remove(
        _ name: SCSINexusName, victim: UInt64
    ) throws(Refusal) -> Effects {
        guard victim != 0 else { throw .parameter(8) }
        let gone = Set(registrations.filter { $0.key == victim }.map(\.name))
        guard !gone.isEmpty else { throw .conflict }
        registrations.removeAll { $0.key == victim }
        if let holder, holder.kind.isOfAll, registrations.isEmpty { self.holder = nil }
        return Effects(unregistered: gone.subtracting([name]))
    }

    /// REGISTER AND MOVE: the reservation goes to another initiator (SPC-4, 5.13.8).
    mutating func move(
        _ name: SCSINexusName, key: UInt64, to other: SCSINexusName, new: UInt64,
        unregisters: Bool, persists: Bool
    ) throws(Refusal) {
        guard self.key(of: name) == key, let holder, !holder.kind.isOfAll, holder.name == name
        else { throw .conflict }
        guard new != 0 else { throw .parameter(8) }
        guard other != name else { throw .parameter(24) }
        try enter(other, key: new)
        self.holder = Holder(kind: holder.kind, name: other)
        if unregisters { registrations.removeAll { $0.name == name } }
        self.persists = persists
        generation &+= 1
    }
}
