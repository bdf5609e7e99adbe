/// One name of a unit, a port or a device (SPC-4, 7.8.6).
public struct SCSIDesignator: Equatable, Sendable {
    /// What is named.
    public enum Association: UInt8, Sendable {
        case unit = 0
        case port = 1
        case device = 2
    }

    /// What is named.
    public var association: Association
    /// Designator type.
    public var type: UInt8
    /// 1 binary, 2 ASCII, 3 UTF-8.
    public var codeSet: UInt8
    /// The name itself.
    public var content: [UInt8]

    /// Eight bytes that name a unit, of NAA type 3 (locally assigned).
    public static func local(_ number: UInt64) -> SCSIDesignator {
        var content: [UInt8] = []
        content.append(big: localName(number))
        return SCSIDesignator(association: .unit, type: 3, codeSet: 1, content: content)
    }

    /// The NAA type 3 name that a number makes: its upper four bits give way.
    public static func localName(_ number: UInt64) -> UInt64 {
        number & 0x0FFF_FFFF_FFFF_FFFF | 0x3000_0000_0000_0000
    }

    /// Vendor and what the vendor calls the unit (T10 vendor ID based).
    public static func vendor(_ vendor: String, _ rest: String) -> SCSIDesignator {
        var content: [UInt8] = []
        content.append(ascii: vendor, width: 8)
        content.append(ascii: rest, width: min(rest.utf8.count, 240))
        return SCSIDesignator(association: .unit, type: 1, codeSet: 2, content: content)
    }

    /// A SCSI name string: `iqn.`, `naa.` or `eui.`, ended by a zero and filled up to four bytes.
    public static func name(_ text: String, of association: Association) -> SCSIDesignator {
        SCSIDesignator(
            association: association, type: 8, codeSet: 3, content: padded(text, limit: 252))
    }

    /// The target port's number.
    public static func relativePort(_ number: UInt16) -> SCSIDesignator {
        SCSIDesignator(
            association: .port, type: 4, codeSet: 1,
            content: [0, 0, UInt8(number >> 8), UInt8(truncatingIfNeeded: number)])
    }

    /// The number of the group of target ports.
    public static func portGroup(_ number: UInt16) -> SCSIDesignator {
        SCSIDesignator(
            association: .port, type: 5, codeSet: 1,
            content: [0, 0, UInt8(number >> 8), UInt8(truncatingIfNeeded: number)])
    }

    /// The descriptor: four bytes, then the name.
    public var encoded: [UInt8] {
        // Ports and devices belong to a protocol: iSCSI, 5.
        let isOfProtocol = association != .unit
        return [
            (isOfProtocol ? 0x50 : 0) | codeSet,
            (isOfProtocol ? 0x80 : 0) | association.rawValue << 4 | type, 0,
            UInt8(clamping: content.count),
        ] + content
    }

    static func padded(_ text: String, limit: Int) -> [UInt8] {
        var bytes = Array(text.utf8.prefix(limit - 4))
        repeat { bytes.append(0) } while bytes.count % 4 != 0
        return bytes
    }
}
