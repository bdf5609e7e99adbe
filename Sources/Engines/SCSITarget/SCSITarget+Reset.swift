import SCSIWire
import Synchronization

/// What a task management function resets (SAM-5, 6.3; RFC 7143, 11.5.1).
public enum SCSIResetScope: Equatable, Sendable {
    /// LOGICAL UNIT RESET.
    case logicalUnit(UInt64)
    /// TARGET WARM RESET: every unit.
    case targetWarm
    /// TARGET COLD RESET: every unit, as at power on; the transport ends all sessions.
    case targetCold
}

extension SCSITarget {
    /// Resets units; false where the unit does not exist.
    ///
    /// Commands of every nexus end, RESERVE and PREVENT are undone, mode pages are as they were at
    /// first, and every initiator is told. Persistent reservations stay, and a sanitize goes on.
    ///
    /// `by` is the nexus that asked, whose own commands the transport ends itself.
    @discardableResult
    public func reset(_ scope: SCSIResetScope, by nexus: SCSINexus?) -> Bool {
        let (units, nexuses) = state.withLock { ($0.units, $0.nexuses) }
        let affected: [LogicalUnit]
        let condition: SCSICondition
        switch scope {
        case .logicalUnit(let lun):
            affected = units.filter { $0.number == lun }
            condition = .deviceReset
        case .targetWarm:
            affected = units
            condition = .deviceReset
        case .targetCold:
            affected = units
            condition = .powerOn
        }
        guard !affected.isEmpty else { return false }
        var lun: UInt64?
        if case .logicalUnit(let number) = scope { lun = number }
        for other in nexuses where other !== nexus {
            other.abort(SCSIAbort(lun: lun, cause: .reset))
        }
        for unit in affected {
            unit.abandon(nil)
            unit.reset(condition)
        }
        return true
    }

    /// Says that nobody waits any more for the commands of a nexus that `perform` carries out (an
    /// abort, the end of a session), on one unit or on all.
    ///
    /// Those that may take hours and go on without their command (SANITIZE) return at once, with an
    /// outcome that means nothing; others end as they would.
    public func abandon(_ nexus: SCSINexus, lun: UInt64? = nil) {
        let units = state.withLock { $0.units }
        for unit in units where lun == nil || unit.number == lun { unit.abandon(nexus.id) }
    }
}

extension LogicalUnit {
    func reset(_ condition: SCSICondition) {
        change { state in
            state.reserver = nil
            state.preventers = []
            state.settings = SCSIModeSettings(writeCache: hasCache)
            state.copies = CopyResults()
        }
        attend(condition)
    }
}
