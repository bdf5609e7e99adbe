import BlockDevice
import Platform
import SCSIWire
import Synchronization

/// One disk: a block device, and what initiators have set, reserved and prevented on it.
///
/// Any thread. No lock is held during a device call but the range lock of the blocks concerned.
final class LogicalUnit: Sendable {
    /// What the state of the unit has to say to a command that comes in.
    struct Gate: OptionSet {
        let rawValue: UInt32
        /// Somebody has reserved the unit.
        static let reserved = Gate(rawValue: 1 << 0)
        /// The medium is out or being sanitized.
        static let notReady = Gate(rawValue: 1 << 1)
        /// Writes are refused.
        static let writeProtected = Gate(rawValue: 1 << 2)
        /// The write cache is off: every write is to be durable when it ends.
        static let writeThrough = Gate(rawValue: 1 << 3)
        /// Sense data in descriptor format.
        static let descriptorSense = Gate(rawValue: 1 << 4)
    }

    /// What changes with commands.
    struct State {
        var settings: SCSIModeSettings
        /// The nexus that holds the unit by RESERVE (SPC-2).
        var reserver: UInt64?
        var reservations = PersistentReservations()
        /// Nexuses that prevent the medium's removal.
        var preventers: Set<UInt64> = []
        var isEjected = false
        var sanitize = SanitizeState.idle
        var copies = CopyResults()
    }

    let number: UInt64
    let configuration: SCSIUnitConfiguration
    let identity: UnitIdentity
    let device: any BlockDevice
    /// Bytes of a logical block, as a power of two.
    let shift: UInt64
    let ranges = RangeLocks()
    let state: Mutex<State>
    /// Taken for a whole PERSISTENT RESERVE OUT: what is kept in a file and what is told agree.
    let reserving = Mutex<Void>(())
    let sanitizing = Condition(SanitizeWait())
    let links = Mutex<[Link]>([])
    let gateBits = Atomic<UInt32>(0)
    private let blockCount: Atomic<UInt64>
    private let observation = Mutex<(any BlockObservation)?>(nil)

    init(_ configuration: SCSIUnitConfiguration, number: UInt64) throws(SCSITargetError) {
        self.number = number
        self.configuration = configuration
        identity = UnitIdentity(configuration.identity)
        device = configuration.device
        let size = configuration.device.properties.logicalBlockSize
        guard size >= 512, size <= 65_536, size.nonzeroBitCount == 1 else {
            throw .blockSize(size)
        }
        shift = UInt64(size.trailingZeroBitCount)
        blockCount = Atomic(configuration.device.size >> shift)
        var state = State(
            settings: SCSIModeSettings(writeCache: configuration.device.can(.volatileCache)))
        if let path = configuration.reservationFile {
            state.reservations = try ReservationFile(path: path).load()
        }
        self.state = Mutex(state)
        refreshGate()
        observation.withLock { observation in
            observation = device.observeSize { [weak self] size in self?.resized(to: size) }
        }
    }

    /// Logical blocks now.
    @inline(__always)
    var blocks: UInt64 { blockCount.load(ordering: .relaxed) }

    /// Bytes of a logical block.
    @inline(__always)
    var blockSize: Int { 1 << Int(shift) }

    @inline(__always)
    var gate: Gate { Gate(rawValue: gateBits.load(ordering: .acquiring)) }

    /// Whether blocks can be given back.
    var isThin: Bool {
        guard !configuration.isReadOnly, device.can(.write) else { return false }
        return configuration.isThin ?? device.can(.trim)
    }

    /// Whether blocks that were given back read as zeros.
    ///
    /// What a trim leaves is either promised by the device or written as zeros.
    var readsZero: Bool { isThin }

    /// Whether MODE SELECT can turn the cache off.
    var hasCache: Bool { device.can(.volatileCache) }

    /// Works on the state and lets commands see what changed.
    func change<Result>(_ body: (inout State) -> Result) -> Result {
        state.withLock { state in
            let result = body(&state)
            gateBits.store(gate(of: state).rawValue, ordering: .releasing)
            return result
        }
    }

    private func refreshGate() { change { _ in } }

    private func gate(of state: State) -> Gate {
        var gate: Gate = []
        if state.reserver != nil || state.reservations.holder != nil { gate.insert(.reserved) }
        if state.isEjected || state.sanitize != .idle { gate.insert(.notReady) }
        if configuration.isReadOnly || !device.can(.write) || state.settings.writeProtect {
            gate.insert(.writeProtected)
        }
        if hasCache, !state.settings.writeCache { gate.insert(.writeThrough) }
        if state.settings.descriptorSense { gate.insert(.descriptorSense) }
        return gate
    }

    /// Tells every initiator but one of a change.
    func attend(_ condition: SCSICondition, except nexus: UInt64? = nil) {
        let links = links.withLock { $0 }
        for link in links where link.nexusID != nexus { link.attend(condition) }
    }

    /// Tells the initiators of these names of a change.
    func attend(_ condition: SCSICondition, names: Set<SCSINexusName>) {
        guard !names.isEmpty else { return }
        let links = links.withLock { $0 }
        for link in links where names.contains(link.name) { link.attend(condition) }
    }

    private func resized(to size: UInt64) {
        let blocks = size >> shift
        guard blockCount.exchange(blocks, ordering: .acquiringAndReleasing) != blocks else {
            return
        }
        attend(.capacityChanged)
    }
}

/// Why a target could not be made.
public enum SCSITargetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The device's logical block size is no power of two from 512 to 65,536.
    case blockSize(UInt32)
    /// The logical unit number is taken.
    case unitExists(UInt64)
    /// The file of persistent reservations cannot be read, in words.
    case reservations(String)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .blockSize(let size): "scsi: a disk with blocks of \(size) bytes cannot be served"
        case .unitExists(let lun): "scsi: the unit number \(lun) is taken"
        case .reservations(let reason): "scsi: the kept reservations cannot be read: \(reason)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .blockSize: "Export a device with blocks of 512 to 65536 bytes."
        case .unitExists: "Choose another number."
        case .reservations: "Remove the file to forget all reservations, then try again."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
