import SCSIWire

/// A command that was taken apart and admitted, or refused: what the transport needs to know before
/// it is carried out.
///
/// A value; it may be carried out once, on any thread.
public struct SCSITask: Sendable {
    /// Bytes wanted from the initiator before `perform`; 0 for a refused command.
    public internal(set) var dataOut = 0
    /// Most bytes that the command can have for the initiator; 0 for a refused command.
    public internal(set) var dataIn = 0

    let block: SCSICommandBlock
    var shape: SCSICommandShape
    /// Initiator and unit; nil where no unit answers to the number.
    let link: Link?
    var address: UInt64 = 0
    var count: UInt64 = 0
    /// Why the command is refused.
    var refusal: Refusal?

    @inline(__always)
    init(block: SCSICommandBlock, link: Link?) {
        self.block = block
        self.link = link
        shape = SCSICommandShape.nothing
    }

    /// Whether the command ends without anything being done.
    public var isRefused: Bool { refusal != nil }
}

extension SCSICommandShape {
    /// The shape of what is not known: TEST UNIT READY's, which touches nothing.
    static let nothing = SCSICommandShape(
        command: .testUnitReady, form: .none, traits: [], allowed: 0)
}

/// Why a command was not, or not wholly, carried out; a value without references.
enum Refusal: Error, Equatable, Sendable {
    /// CHECK CONDITION with this sense.
    case check(SCSISense)
    /// RESERVATION CONFLICT.
    case conflict
    /// BUSY: ask again.
    case busy

    static func field(_ byte: Int, bit: Int? = nil) -> Refusal {
        .check(.field(byte, bit: bit))
    }

    static func parameter(
        _ byte: Int, bit: Int? = nil, _ condition: SCSICondition = .invalidFieldInParameters
    ) -> Refusal {
        .check(.parameter(byte, bit: bit, condition))
    }

    static func illegal(_ condition: SCSICondition) -> Refusal { .check(.illegal(condition)) }

    static func check(_ key: SCSISenseKey, _ condition: SCSICondition) -> Refusal {
        .check(SCSISense(key, condition))
    }

    /// The outcome that an initiator sees.
    func outcome(descriptors: Bool) -> SCSIOutcome {
        switch self {
        case .check(let sense):
            SCSIOutcome(
                status: SCSIStatus.checkCondition, sense: sense.encoded(descriptors: descriptors))
        case .conflict: SCSIOutcome(status: SCSIStatus.reservationConflict)
        case .busy: SCSIOutcome(status: SCSIStatus.busy)
        }
    }
}
