@testable import ISCSIWire

/// Headers as bytes, written down by hand from the figures of RFC 7143, chapter 11.
enum Sample {
    /// 48 bytes with some of them set.
    static func header(_ fields: [Int: [UInt8]]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 48)
        for (offset, field) in fields {
            bytes.replaceSubrange(offset..<offset + field.count, with: field)
        }
        return bytes
    }

    static func decode(
        _ bytes: [UInt8], additional: [UInt8] = []
    ) throws(ISCSIWireError) -> InitiatorPDU {
        try InitiatorPDU(try BasicHeader(bytes), additional: additional)
    }
}
