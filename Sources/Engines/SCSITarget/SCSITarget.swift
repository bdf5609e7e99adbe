import SCSIWire
import Synchronization

/// A target port's device server: its logical units, and the initiators that are connected to it.
///
/// The transport gives each command to `prepare`, fetches as much data as the task wants, and calls
/// `performNow` or `perform`. Ordering among commands, aborts and residuals are the transport's.
/// Any thread.
public final class SCSITarget: Sendable {
    struct State {
        var units: [LogicalUnit] = []
        var nexuses: [SCSINexus] = []
        /// Nexuses that were here before: they are told of the loss, not of power on.
        var known: Set<SCSINexusName> = []
        var lastID: UInt64 = 0
    }

    /// Most names that are remembered.
    static let knownLimit = 4096
    /// Most bytes that a command other than READ has for the initiator.
    static let responseLimit = 1 << 16

    /// Name of the target device: an iSCSI name.
    public let name: String
    /// Number of the target port's group, which is also its relative port identifier.
    public let portalGroup: UInt16
    /// Who does work that goes on after its command has ended; nil for nobody.
    let background: (@Sendable (@escaping @Sendable () -> Void) -> Void)?
    let state = Mutex(State())

    /// Makes a target without units.
    ///
    /// `background` runs work that may take hours on a thread that may block; without it a command
    /// that asks for an early end (IMMED) ends when the work has.
    public init(
        name: String, portalGroup: UInt16 = 1,
        background: (@Sendable (@escaping @Sendable () -> Void) -> Void)? = nil
    ) {
        self.background = background
        self.name = name
        self.portalGroup = portalGroup
    }

    /// The eight-byte form of a unit number: peripheral addressing below 256, else flat space
    /// addressing (SAM-5, 4.7.7), of which 14 bits count.
    public static func lun(_ number: Int) -> UInt64 {
        let short = UInt64(number & 0x3FFF)
        return (short < 256 ? short : 0x4000 | short) << 48
    }

    /// Adds a unit; initiators that are connected are told that the inventory changed.
    public func add(
        _ configuration: SCSIUnitConfiguration, lun: UInt64
    ) throws(SCSITargetError) {
        let unit = try LogicalUnit(configuration, number: lun)
        let isNew = state.withLock { state in
            guard !state.units.contains(where: { $0.number == lun }) else { return false }
            for unit in state.units { unit.attend(.reportedUnitsChanged) }
            state.units.append(unit)
            state.units.sort { $0.number < $1.number }
            for nexus in state.nexuses { connect(nexus, unit, .powerOnOrReset) }
            return true
        }
        guard isNew else { throw .unitExists(lun) }
    }

    /// Takes a unit away: its commands end, later ones find no unit.
    public func remove(lun: UInt64) {
        let (nexuses, removed) = state.withLock { state in
            let gone = state.units.first { $0.number == lun }
            state.units.removeAll { $0.number == lun }
            return (state.nexuses, gone)
        }
        guard let removed else { return }
        for nexus in nexuses {
            nexus.links.withLock { $0.removeAll { $0.lun == lun } }
            nexus.abort(SCSIAbort(lun: lun, cause: .reset))
        }
        removed.links.withLock { $0.removeAll() }
        for unit in state.withLock({ $0.units }) { unit.attend(.reportedUnitsChanged) }
    }

    /// The numbers of all units, ascending, in their eight-byte form.
    public var logicalUnits: [UInt64] { state.withLock { $0.units.map(\.number) } }

    /// An initiator came in.
    ///
    /// Its first command to each unit is told of power on, or of the loss of the nexus where it was
    /// here before (SAM-5, 6.3).
    public func attach(_ name: SCSINexusName) -> SCSINexus {
        state.withLock { state in
            state.lastID += 1
            let nexus = SCSINexus(name: name, id: state.lastID)
            let condition: SCSICondition =
                state.known.contains(name) ? .nexusLoss : .powerOnOrReset
            if state.known.count < SCSITarget.knownLimit { state.known.insert(name) }
            state.nexuses.append(nexus)
            for unit in state.units { connect(nexus, unit, condition) }
            return nexus
        }
    }

    /// The initiator is gone (I_T nexus loss): what it reserved by RESERVE and prevented is free;
    /// persistent reservations stay.
    public func detach(_ nexus: SCSINexus) {
        let units = state.withLock { state in
            state.nexuses.removeAll { $0 === nexus }
            return state.units
        }
        nexus.links.withLock { $0.removeAll() }
        for unit in units { unit.lose(nexus) }
    }

    private func connect(_ nexus: SCSINexus, _ unit: LogicalUnit, _ condition: SCSICondition) {
        let link = Link(unit: unit, nexus: nexus)
        link.attend(condition)
        unit.links.withLock { $0.append(link) }
        nexus.links.withLock { $0.append(link) }
    }
}

extension LogicalUnit {
    /// Whether a nexus is still there; asked while the state is held, so that what a nexus that is
    /// being lost sets is undone by its loss, or not set at all.
    func isConnected(_ link: Link) -> Bool { links.withLock { $0.contains { $0 === link } } }

    func lose(_ nexus: SCSINexus) {
        links.withLock { $0.removeAll { $0.nexusID == nexus.id } }
        abandon(nexus.id)
        change { state in
            if state.reserver == nexus.id { state.reserver = nil }
            state.preventers.remove(nexus.id)
        }
    }
}
