/// What went wrong with a command, and where: becomes sense data in either format (SPC-4, 4.5).
///
/// A value without references, thrown by what carries commands out.
public struct SCSISense: Error, Equatable, Sendable {
    /// Kind of trouble.
    public var key: SCSISenseKey
    /// Which trouble.
    public var condition: SCSICondition
    /// A number that the condition defines: a block address, or the offset of a miscompare.
    public var information: UInt64?
    /// The three bytes that point at a field or tell progress, in the low 24 bits; 0 for none.
    public var specific: UInt32

    /// Describes a trouble.
    public init(
        _ key: SCSISenseKey, _ condition: SCSICondition, information: UInt64? = nil,
        specific: UInt32 = 0
    ) {
        self.key = key
        self.condition = condition
        self.information = information
        self.specific = specific
    }

    /// A field of the command block is not acceptable (24h/00h); `bit` is its highest bit, 7 first.
    public static func field(_ byte: Int, bit: Int? = nil) -> SCSISense {
        SCSISense(
            .illegalRequest, .invalidFieldInCDB, specific: pointer(byte, bit: bit, command: true))
    }

    /// A field of the parameter list is not acceptable (26h/00h).
    public static func parameter(
        _ byte: Int, bit: Int? = nil, _ condition: SCSICondition = .invalidFieldInParameters
    ) -> SCSISense {
        SCSISense(.illegalRequest, condition, specific: pointer(byte, bit: bit, command: false))
    }

    /// The request is of this kind of impossible.
    public static func illegal(_ condition: SCSICondition) -> SCSISense {
        SCSISense(.illegalRequest, condition)
    }

    /// How much of a long work is done, as a fraction of 65,536 (SPC-4, 4.5.2.4.4).
    public static func progress(_ done: UInt16) -> UInt32 { 0x80_0000 | UInt32(done) }

    private static func pointer(_ byte: Int, bit: Int?, command: Bool) -> UInt32 {
        var flags: UInt32 = command ? 0xC0 : 0x80
        if let bit { flags |= 0x08 | UInt32(bit & 7) }
        return flags << 16 | UInt32(UInt16(clamping: byte))
    }

    /// Sense data: 18 bytes in fixed format, 8 to 28 in descriptor format.
    public func encoded(descriptors: Bool) -> [UInt8] {
        descriptors ? descriptorFormat : fixedFormat
    }

    private var fixedFormat: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 18)
        bytes[0] = 0x70
        bytes[2] = key.rawValue
        if let information, information <= UInt64(UInt32.max) {
            bytes[0] |= 0x80
            bytes.put(UInt32(information), at: 3)
        }
        bytes[7] = 10
        bytes[12] = condition.code
        bytes[13] = condition.qualifier
        if specific != 0 { putSpecific(into: &bytes, at: 15) }
        return bytes
    }

    private var descriptorFormat: [UInt8] {
        var bytes: [UInt8] = [0x72, key.rawValue, condition.code, condition.qualifier, 0, 0, 0, 0]
        if let information {
            bytes += [0x00, 0x0A, 0x80, 0x00]
            bytes.append(big: information)
        }
        if specific != 0 {
            bytes += [0x02, 0x06, 0, 0, 0, 0, 0, 0]
            putSpecific(into: &bytes, at: bytes.count - 4)
        }
        bytes[7] = UInt8(bytes.count - 8)
        return bytes
    }

    private func putSpecific(into bytes: inout [UInt8], at index: Int) {
        bytes[index] = UInt8(truncatingIfNeeded: specific >> 16)
        bytes[index + 1] = UInt8(truncatingIfNeeded: specific >> 8)
        bytes[index + 2] = UInt8(truncatingIfNeeded: specific)
    }
}
