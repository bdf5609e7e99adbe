public import BlockDevice

/// What makes a logical unit of a block device.
public struct SCSIUnitConfiguration: Sendable {
    /// What holds the blocks.
    public var device: any BlockDevice
    /// A text that stays the same as long as the disk does: serial number and world-wide name are
    /// made from it.
    public var identity: String
    /// Eight characters that name the vendor.
    public var vendor = "CAUSEWAY"
    /// Sixteen characters that name the product.
    public var product = "Disk"
    /// Four characters that name its revision.
    public var revision = "1"
    /// Whether writes are refused even where the device would take them.
    public var isReadOnly = false
    /// Whether the medium can be taken out and put back by START STOP UNIT.
    public var isRemovable = false
    /// Whether blocks may be given back; nil for as the device does it.
    public var isThin: Bool?
    /// Most bytes that one command transfers: a bound on a transport's memory.
    public var transferLimit = 16 << 20
    /// Most blocks that WRITE ATOMIC takes; 0 where the device cannot promise that all or nothing
    /// of a write survives the loss of power.
    public var atomicLimit: UInt32 = 0
    /// Most blocks that COMPARE AND WRITE takes.
    public var compareLimit: UInt8 = 255
    /// The file that keeps persistent reservations; without one they end with the process.
    public var reservationFile: String?
    /// Whether SANITIZE is offered.
    public var allowsSanitize = true
    /// Most bytes per second that SANITIZE overwrites, to leave some of the disk's time to others;
    /// nil for as fast as it goes.
    public var sanitizeRate: UInt64?

    /// Describes a unit with what the device can do.
    public init(device: any BlockDevice, identity: String) {
        self.device = device
        self.identity = identity
    }
}

/// Names made from a unit's identity; the same in every run.
struct UnitIdentity: Sendable {
    /// 60 bits that name the disk in the world as well as bits without a registry can.
    let number: UInt64
    /// Sixteen hexadecimal digits.
    let serial: String

    init(_ identity: String) {
        // FNV-1a, then a finalizer that spreads the last bytes over all bits.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in identity.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        number = hash ^ (hash >> 33)
        let digits = String(number, radix: 16)
        serial = String(repeating: "0", count: 16 - digits.count) + digits
    }
}
