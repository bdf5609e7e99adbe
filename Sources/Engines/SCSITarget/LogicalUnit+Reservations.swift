import SCSIWire
import Synchronization

extension LogicalUnit {
    /// Whether reservations of others forbid a command (SPC-2, 5.5.1; SPC-4, 5.13.1).
    func checkReservations(_ task: SCSITask, _ link: Link) throws(Refusal) {
        let traits = task.shape.traits
        let isAllowed = state.withLock { state in
            if let reserver = state.reserver, reserver != link.nexusID {
                return traits.contains(.passesReserve) || LogicalUnit.allowsRemoval(task)
            }
            return state.reservations.allows(link.name, LogicalUnit.reach(task))
        }
        guard isAllowed else { throw .conflict }
    }

    /// What a command does to others, where its fields decide.
    private static func reach(_ task: SCSITask) -> SCSITraits {
        switch task.shape.command {
        case .startStopUnit:
            // START with no power condition disturbs nobody.
            task.block[4] & 0xF3 == 0x01 ? [] : .changes
        case .preventMediumRemoval: allowsRemoval(task) ? [] : .changes
        case .reserve6, .reserve10, .release6, .release10: .changes
        default: task.shape.traits
        }
    }

    private static func allowsRemoval(_ task: SCSITask) -> Bool {
        task.shape.command == .preventMediumRemoval && task.block[4] & 0x03 == 0
    }

    /// RESERVE (SPC-2): the whole unit, for this nexus alone, until it releases or is gone.
    func reserve(_ task: SCSITask, _ link: Link) throws(Refusal) {
        let isMine = change { state in
            guard state.reservations.registrations.isEmpty else { return false }
            guard state.reserver == nil || state.reserver == link.nexusID else { return false }
            guard isConnected(link) else { return false }
            state.reserver = link.nexusID
            return true
        }
        guard isMine else { throw .conflict }
    }

    /// RELEASE (SPC-2): nothing happens where another holds the unit.
    func release(_ link: Link) {
        change { if $0.reserver == link.nexusID { $0.reserver = nil } }
    }

    /// PERSISTENT RESERVE OUT: what is kept in a file is there before anybody is told.
    func persistentReserveOut(
        _ task: SCSITask, _ link: Link, _ target: SCSITarget, _ dataOut: UnsafeRawBufferPointer
    ) throws(Refusal) {
        guard let service = SCSIReserveService(rawValue: task.block[1] & 0x1F) else {
            throw .field(1, bit: 4)
        }
        guard dataOut.count == task.dataOut else { throw .illegal(.parameterListLength) }
        let call = try ReserveCall(service, task, link.name, dataOut, target)
        if call.persists, configuration.reservationFile == nil { throw .parameter(20, bit: 0) }
        let effects = try serve(call)
        tell(effects, target)
    }

    private func serve(_ call: ReserveCall) throws(Refusal) -> PersistentReservations.Effects {
        var failure: Refusal?
        let effects: PersistentReservations.Effects? = reserving.withLock { _ in
            do throws(Refusal) {
                let (old, isReserved) = state.withLock {
                    ($0.reservations, $0.reserver != nil)
                }
                guard !isReserved else { throw .conflict }
                var new = old
                let effects = try call.apply(to: &new)
                try keep(new, instead: old)
                change { $0.reservations = new }
                return effects
            } catch {
                failure = error
                return nil
            }
        }
        guard let effects else { throw failure ?? .conflict }
        return effects
    }

    /// Stores what outlives the process; nothing where neither state does.
    private func keep(
        _ new: PersistentReservations, instead old: PersistentReservations
    ) throws(Refusal) {
        guard new.persists || old.persists, let path = configuration.reservationFile else {
            return
        }
        do throws(SCSITargetError) {
            try ReservationFile(path: path).store(new.persists ? new : PersistentReservations())
        } catch {
            throw .check(.hardware, .internalTargetFailure)
        }
    }

    private func tell(_ effects: PersistentReservations.Effects, _ target: SCSITarget) {
        attend(.reservationsReleased, names: effects.released)
        attend(.reservationsPreempted, names: effects.preempted)
        attend(.registrationsPreempted, names: effects.unregistered)
        guard !effects.aborted.isEmpty else { return }
        target.abort(effects.aborted, SCSIAbort(lun: number, cause: .preempted))
    }

    /// PERSISTENT RESERVE IN (SPC-4, 6.15).
    func persistentReserveIn(_ task: SCSITask, _ target: SCSITarget) -> [UInt8] {
        let reservations = state.withLock { $0.reservations }
        switch task.block[1] & 0x1F {
        case 0: return reservations.keysReport
        case 1: return reservations.reservationReport
        case 2: return reservations.capabilities(canPersist: configuration.reservationFile != nil)
        default: return reservations.fullReport(port: target.portalGroup)
        }
    }
}

extension SCSITarget {
    /// Ends the commands of initiators by name.
    func abort(_ names: Set<SCSINexusName>, _ abort: SCSIAbort) {
        let nexuses = state.withLock { $0.nexuses }
        for nexus in nexuses where names.contains(nexus.name) { nexus.abort(abort) }
    }
}
