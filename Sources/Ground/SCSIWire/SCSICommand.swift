/// What a command asks for, whatever its length: READ(6) and READ(16) are both `read`.
public enum SCSICommand: UInt8, Sendable {
    case testUnitReady
    case requestSense
    case inquiry
    case reportLUNs
    case read
    case write
    case verify
    case writeAndVerify
    case writeSame
    case writeAtomic
    case compareAndWrite
    case orWrite
    case unmap
    case prefetch
    case synchronizeCache
    case getLBAStatus
    case readCapacity10
    case readCapacity16
    case readDefectData10
    case readDefectData12
    case modeSense6
    case modeSense10
    case modeSelect6
    case modeSelect10
    case logSense
    case startStopUnit
    case preventMediumRemoval
    case reserve6
    case release6
    case reserve10
    case release10
    case persistentReserveIn
    case persistentReserveOut
    case extendedCopy
    case receiveCopyStatus
    case receiveCopyParameters
    case receiveDiagnostic
    case sendDiagnostic
    case reportTargetPortGroups
    case reportOperationCodes
    case reportTaskManagement
    case sanitize
}

/// Where a command block keeps its block address and count.
public enum SCSIBlockForm: UInt8, Sendable {
    /// Nowhere.
    case none
    /// Address in bytes 1 to 3, 21 bits; count in byte 4, where 0 is 256.
    case six
    /// Address in bytes 2 to 5, count in 7 and 8.
    case ten
    /// Address in bytes 2 to 5, count in 6 to 9.
    case twelve
    /// Address in bytes 2 to 9, count in 10 to 13.
    case sixteen
    /// Address in bytes 2 to 9, count in byte 13.
    case sixteenShort
    /// Address in bytes 2 to 9, count in 12 and 13.
    case sixteenWord
}

/// What the state of a unit has to do with a command.
public struct SCSITraits: OptionSet, Sendable {
    /// One bit each.
    public let rawValue: UInt16
    /// Makes a set of bits.
    @inlinable
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Answered while a unit attention waits, without ending it (SAM-5, 5.14).
    public static let ignoresAttention = SCSITraits(rawValue: 1 << 0)
    /// Needs a medium that is there, spinning and not being sanitized.
    public static let needsMedium = SCSITraits(rawValue: 1 << 1)
    /// Changes what the medium holds.
    public static let changesMedium = SCSITraits(rawValue: 1 << 2)
    /// Other initiators' exclusive access forbids it, write exclusive does not (SPC-4, 5.13.1).
    public static let reads = SCSITraits(rawValue: 1 << 3)
    /// Any reservation of others forbids it (SPC-4, 5.13.1).
    public static let changes = SCSITraits(rawValue: 1 << 4)
    /// Answered although another initiator has reserved the unit by RESERVE (SPC-2, 5.5.1).
    public static let passesReserve = SCSITraits(rawValue: 1 << 5)
    /// Works while the unit sanitizes (SBC-3, 4.11.2).
    public static let whileSanitizing = SCSITraits(rawValue: 1 << 6)
    /// Byte 1 has protection bits, which must be 0 on a unit without protection information.
    public static let hasProtection = SCSITraits(rawValue: 1 << 7)
    /// Takes data from the initiator.
    public static let takesData = SCSITraits(rawValue: 1 << 8)
}

/// What must be known to take a command block apart; a value without references.
public struct SCSICommandShape: Equatable, Sendable {
    /// What is asked for.
    public var command: SCSICommand
    /// Where address and count lie.
    public var form: SCSIBlockForm
    /// How it depends on the unit's state.
    public var traits: SCSITraits
    /// Bits that may be set, as in `SCSICommandBlock.bits`.
    public var allowed: UInt128

    /// Describes a command.
    public init(
        command: SCSICommand, form: SCSIBlockForm, traits: SCSITraits, allowed: UInt128
    ) {
        self.command = command
        self.form = form
        self.traits = traits
        self.allowed = allowed
    }

    /// The block address of a command block of this shape.
    @inlinable
    public func address(of block: SCSICommandBlock) -> UInt64 {
        switch form {
        case .none: 0
        case .six: UInt64(block.long(at: 0) & 0x1F_FFFF)
        case .ten, .twelve: UInt64(block.long(at: 2))
        case .sixteen, .sixteenShort, .sixteenWord: block.quad(at: 2)
        }
    }

    /// The number of blocks in a command block of this shape.
    @inlinable
    public func count(of block: SCSICommandBlock) -> UInt64 {
        switch form {
        case .none: 0
        case .six: block[4] == 0 ? 256 : UInt64(block[4])
        case .ten: UInt64(block.word(at: 7))
        case .twelve: UInt64(block.long(at: 6))
        case .sixteen: UInt64(block.long(at: 10))
        case .sixteenShort: UInt64(block[13])
        case .sixteenWord: UInt64(block.word(at: 12))
        }
    }
}
