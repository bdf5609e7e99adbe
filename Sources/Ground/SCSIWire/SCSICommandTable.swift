/// A command as REPORT SUPPORTED OPERATION CODES tells it.
public struct SCSICommandDescription: Equatable, Sendable {
    /// First byte.
    public var opcode: UInt8
    /// Service action, where the first byte does not name a command alone.
    public var serviceAction: UInt16?
    /// The bits of each byte that count; as many bytes as the command has.
    ///
    /// The first is the operation code, a service action is told by its value (SPC-4, 6.35.3).
    public var usage: [UInt8]
    /// How to take it apart.
    public var shape: SCSICommandShape
}

/// All commands that this code speaks, as data.
public enum SCSICommandTable {
    /// Every command, by operation code and service action, ascending.
    public static let all: [SCSICommandDescription] = rows.map(describe)

    /// The command that a block names, or why it names none (20h/00h, or 24h/00h for a service
    /// action of an operation code that exists).
    @inlinable
    public static func shape(of block: SCSICommandBlock) throws(SCSISense) -> SCSICommandShape {
        let index = byOpcode[Int(block.opcode)]
        guard index != missing else { throw .illegal(.invalidOpcode) }
        if index >= 0 { return shapes[Int(index)] }
        return try search(block)
    }

    /// The description of a command, by its two names.
    public static func find(opcode: UInt8, action: UInt16?) -> SCSICommandDescription? {
        all.first { $0.opcode == opcode && $0.serviceAction == action }
    }

    /// Whether an operation code exists, and whether it has service actions.
    public static func hasActions(opcode: UInt8) -> Bool? {
        all.first { $0.opcode == opcode }.map { $0.serviceAction != nil }
    }

    @usableFromInline static let missing: Int16 = .max
    @usableFromInline static let shapes: [SCSICommandShape] = all.map(\.shape)

    /// For each operation code the place of its shape, `missing`, or -1 where a service action
    /// decides.
    @usableFromInline static let byOpcode: [Int16] = {
        var places = [Int16](repeating: missing, count: 256)
        for (index, row) in all.enumerated() {
            places[Int(row.opcode)] = row.serviceAction == nil ? Int16(index) : -1
        }
        return places
    }()

    @usableFromInline static func search(
        _ block: SCSICommandBlock
    ) throws(SCSISense) -> SCSICommandShape {
        let action = UInt16(block[1] & 0x1F)
        for row in all where row.opcode == block.opcode && row.serviceAction == action {
            return row.shape
        }
        throw .field(1, bit: 4)
    }

    private static func describe(_ row: Row) -> SCSICommandDescription {
        var allowed = SCSICommandBlock([0xFF] + row.usage.dropFirst()).bits
        var usage = row.usage
        if let action = row.action {
            allowed |= UInt128(0x1F) << 112
            usage[1] = usage[1] & 0xE0 | UInt8(truncatingIfNeeded: action)
        }
        allowed |= UInt128(row.tolerated) << 112
        // The control byte's vendor bits are nobody's business here.
        allowed |= UInt128(0xC0) << UInt128(8 * (16 - row.usage.count))
        if row.usage.count < 16 {
            // What a transport pads a shorter command with is not looked at.
            allowed |= (UInt128(1) << UInt128(8 * (16 - row.usage.count))) - 1
        }
        // NACA asks for an ACA condition, which is not offered: the bit counts, and must be 0.
        let control = UInt128(0x04) << UInt128(8 * (16 - row.usage.count))
        return SCSICommandDescription(
            opcode: row.usage[0], serviceAction: row.action, usage: usage,
            shape: SCSICommandShape(
                command: row.command, form: row.form, traits: row.traits,
                allowed: allowed & ~control))
    }
}
