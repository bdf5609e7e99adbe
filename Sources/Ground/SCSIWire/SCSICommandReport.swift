/// Parameter data of REPORT SUPPORTED OPERATION CODES (SPC-4, 6.35.2 to 6.35.4).
public enum SCSICommandReport {
    /// All commands of a list.
    public static func all(_ rows: [SCSICommandDescription], timeouts: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(big: UInt32(rows.count * (timeouts ? 20 : 8)))
        for row in rows {
            bytes += [row.opcode, 0]
            bytes.append(big: row.serviceAction ?? 0)
            bytes += [0, (timeouts ? 0x02 : 0) | (row.serviceAction == nil ? 0 : 0x01)]
            bytes.append(big: UInt16(row.usage.count))
            if timeouts { bytes += noTimeouts }
        }
        return bytes
    }

    /// One command, or that it is not supported where `row` is nil.
    public static func one(_ row: SCSICommandDescription?, timeouts: Bool) -> [UInt8] {
        guard let row else { return [0, 0x01, 0, 0] }
        // Supported as a standard says.
        var bytes: [UInt8] = [0, (timeouts ? 0x80 : 0) | 0x03]
        bytes.append(big: UInt16(row.usage.count))
        bytes += row.usage
        return timeouts ? bytes + noTimeouts : bytes
    }

    /// Ten bytes follow; no timeout is known.
    private static let noTimeouts: [UInt8] = [0, 0x0A] + [UInt8](repeating: 0, count: 10)
}
