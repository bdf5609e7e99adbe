import SCSIWire
import Synchronization

/// An initiator port, as it names itself, and the target port it came in by (SAM-5, 4.8): two
/// sessions of one name are one nexus after another, never two at once.
public struct SCSINexusName: Hashable, Sendable {
    /// iSCSI name of the initiator.
    public var initiator: String
    /// Initiator session identifier, the low 48 bits.
    public var session: UInt64
    /// Target portal group.
    public var portalGroup: UInt16

    /// Names a nexus.
    public init(initiator: String, session: UInt64, portalGroup: UInt16) {
        self.initiator = initiator
        self.session = session & 0xFFFF_FFFF_FFFF
        self.portalGroup = portalGroup
    }
}

/// Commands that another initiator, or a reset, ended: the transport forgets them.
public struct SCSIAbort: Equatable, Sendable {
    /// The unit whose commands end; nil for every unit.
    public var lun: UInt64?
    /// What ended them.
    public var cause: Cause

    /// What ends commands from outside.
    public enum Cause: Equatable, Sendable {
        /// PERSISTENT RESERVE OUT with PREEMPT AND ABORT, of this or another nexus.
        case preempted
        /// A reset of the unit or the target.
        case reset
    }

    /// Describes an abort.
    public init(lun: UInt64?, cause: Cause) {
        self.lun = lun
        self.cause = cause
    }
}

/// One initiator that is connected: what each unit has to tell it, and whom to call when others
/// end its commands.
public final class SCSINexus: Sendable {
    /// Who it is.
    public let name: SCSINexusName
    /// Distinct among all nexuses that a target ever had.
    let id: UInt64
    let links = Mutex<[Link]>([])
    private let abortHandler = Mutex<(@Sendable (SCSIAbort) -> Void)?>(nil)

    init(name: SCSINexusName, id: UInt64) {
        self.name = name
        self.id = id
    }

    /// Registers who is called, on the thread that causes the abort, when commands of this nexus
    /// end from outside; the last one counts.
    public func onAbort(_ handler: @escaping @Sendable (SCSIAbort) -> Void) {
        abortHandler.withLock { $0 = handler }
    }

    func abort(_ abort: SCSIAbort) {
        let handler = abortHandler.withLock { $0 }
        handler?(abort)
    }

    /// What lies between this nexus and a unit.
    @inline(__always)
    func link(_ lun: UInt64) -> Link? {
        links.withLock { links in
            for index in links.indices where links[index].lun == lun { return links[index] }
            return nil
        }
    }
}

/// One initiator and one unit: the unit attentions that wait (SAM-5, 5.14).
final class Link: Sendable {
    /// Most attentions that wait; more fold into one that says to ask everything anew.
    static let attentionLimit = 8

    let lun: UInt64
    let unit: LogicalUnit
    let nexusID: UInt64
    let name: SCSINexusName
    private let isAttentive = Atomic<Bool>(false)
    private let waiting = Mutex<[SCSICondition]>([])

    init(unit: LogicalUnit, nexus: SCSINexus) {
        lun = unit.number
        self.unit = unit
        nexusID = nexus.id
        name = nexus.name
    }

    /// Whether an attention waits.
    @inline(__always)
    var hasAttention: Bool { isAttentive.load(ordering: .acquiring) }

    /// Adds an attention; each waits once, and a reset makes earlier ones void.
    func attend(_ condition: SCSICondition) {
        waiting.withLock { waiting in
            if condition.code == 0x29 { waiting.removeAll(keepingCapacity: true) }
            guard !waiting.contains(condition) else { return }
            if waiting.count >= Link.attentionLimit {
                waiting = [.powerOnOrReset]
            } else {
                waiting.append(condition)
            }
            isAttentive.store(true, ordering: .releasing)
        }
    }

    /// Takes the oldest attention.
    func takeAttention() -> SCSICondition? {
        waiting.withLock { waiting in
            guard !waiting.isEmpty else { return nil }
            let first = waiting.removeFirst()
            isAttentive.store(!waiting.isEmpty, ordering: .releasing)
            return first
        }
    }

    /// Drops an attention that became void.
    func withdraw(_ condition: SCSICondition) {
        waiting.withLock { waiting in
            waiting.removeAll { $0 == condition }
            isAttentive.store(!waiting.isEmpty, ordering: .releasing)
        }
    }
}
