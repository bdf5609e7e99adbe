/// Types of persistent reservation (SPC-4, 6.15.3.4).
public enum SCSIReservationKind: UInt8, CaseIterable, Sendable {
    case writeExclusive = 1
    case exclusiveAccess = 3
    case writeExclusiveRegistrantsOnly = 5
    case exclusiveAccessRegistrantsOnly = 6
    case writeExclusiveAllRegistrants = 7
    case exclusiveAccessAllRegistrants = 8

    /// Whether every registrant holds it.
    public var isOfAll: Bool { rawValue >= 7 }
    /// Whether every registrant may use the unit.
    public var isForRegistrants: Bool { rawValue >= 5 }
    /// Whether the others may still read.
    public var isWriteExclusive: Bool {
        switch self {
        case .writeExclusive, .writeExclusiveRegistrantsOnly, .writeExclusiveAllRegistrants: true
        default: false
        }
    }
}

/// Services of PERSISTENT RESERVE OUT (SPC-4, 6.16.2).
public enum SCSIReserveService: UInt8, Sendable {
    case register = 0
    case reserve = 1
    case release = 2
    case clear = 3
    case preempt = 4
    case preemptAndAbort = 5
    case registerAndIgnore = 6
    case registerAndMove = 7
}

/// Parameters of PERSISTENT RESERVE OUT (SPC-4, 6.16.3 and 6.16.4).
public struct SCSIReserveParameters: Equatable, Sendable {
    /// Most bytes of the list: what a hundred initiators' names need.
    public static let limit = 1 << 15

    /// Key that the initiator claims to have registered.
    public var key: UInt64
    /// New key, or the key of whom is preempted.
    public var actionKey: UInt64
    /// Activate persist through power loss.
    public var persists: Bool
    /// Whether the initiator's own registration ends; REGISTER AND MOVE only.
    public var unregisters: Bool
    /// Relative target port identifier; REGISTER AND MOVE only.
    public var port: UInt16
    /// Initiators that are named in the list.
    public var initiators: [SCSITransportID]

    /// Reads the basic list, of which `namesInitiators` (SPEC_I_PT) may follow.
    public init(basic bytes: UnsafeRawBufferPointer) throws(SCSISense) {
        guard bytes.count >= 24 else { throw .illegal(.parameterListLength) }
        key = bytes.quad(at: 0)
        actionKey = bytes.quad(at: 8)
        persists = bytes[20] & 0x01 != 0
        unregisters = false
        port = 0
        initiators = []
        guard bytes[20] & 0x08 != 0 else {
            guard bytes.count == 24 else { throw .illegal(.parameterListLength) }
            return
        }
        guard bytes.count >= 28, Int(bytes.long(at: 24)) == bytes.count - 28 else {
            throw .illegal(.parameterListLength)
        }
        var rest = UnsafeRawBufferPointer(rebasing: bytes[28...])
        while !rest.isEmpty {
            let (name, length) = try SCSITransportID.read(rest, at: bytes.count - rest.count)
            initiators.append(name)
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
    }

    /// Whether the list names initiators (SPEC_I_PT), which only REGISTER may.
    public static func namesInitiators(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count > 20 && bytes[20] & 0x08 != 0
    }

    /// Reads the list of REGISTER AND MOVE.
    public init(moving bytes: UnsafeRawBufferPointer) throws(SCSISense) {
        guard bytes.count >= 24, Int(bytes.long(at: 20)) == bytes.count - 24 else {
            throw .illegal(.parameterListLength)
        }
        key = bytes.quad(at: 0)
        actionKey = bytes.quad(at: 8)
        unregisters = bytes[17] & 0x02 != 0
        persists = bytes[17] & 0x01 != 0
        port = bytes.word(at: 18)
        let (name, length) = try SCSITransportID.read(
            UnsafeRawBufferPointer(rebasing: bytes[24...]), at: 24)
        guard length == bytes.count - 24 else { throw .illegal(.parameterListLength) }
        initiators = [name]
    }
}

/// An iSCSI initiator port as persistent reservations name it (SPC-4, 7.6.4.6).
public struct SCSITransportID: Equatable, Sendable {
    /// iSCSI name.
    public var name: String
    /// Initiator session identifier; nil where the name stands for the device.
    public var session: UInt64?

    /// Names an initiator port.
    public init(name: String, session: UInt64?) {
        self.name = name
        self.session = session
    }

    /// Most bytes of a name (RFC 7143, 4.2.7.1).
    static let nameLimit = 223
    /// Between the name and the twelve hexadecimal digits of the session.
    static let separator = ",i,0x"

    /// Four bytes of header, then the text, ended by a zero and filled up to four bytes; at least
    /// 24 bytes.
    public var encoded: [UInt8] {
        var text = name
        if let session {
            let digits = String(session & 0xFFFF_FFFF_FFFF, radix: 16)
            text +=
                SCSITransportID.separator + String(repeating: "0", count: 12 - digits.count)
                + digits
        }
        var content = SCSIDesignator.padded(text, limit: 256)
        while content.count < 20 { content.append(0) }
        var bytes: [UInt8] = [(session == nil ? 0x00 : 0x40) | 0x05, 0]
        bytes.append(big: UInt16(content.count))
        return bytes + content
    }

    /// Reads one from the start of `bytes`, which lie at `offset` of the parameter list; returns
    /// how many bytes it took.
    public static func read(
        _ bytes: UnsafeRawBufferPointer, at offset: Int
    ) throws(SCSISense) -> (SCSITransportID, Int) {
        guard bytes.count >= 24 else { throw .illegal(.parameterListLength) }
        guard bytes[0] & 0x0F == 5, bytes[0] & 0xC0 <= 0x40 else { throw .parameter(offset) }
        let length = Int(bytes.word(at: 2))
        guard length >= 20, length % 4 == 0, length + 4 <= bytes.count else {
            throw .illegal(.parameterListLength)
        }
        let text = bytes[4..<4 + length].prefix { $0 != 0 }
        guard text.count < length, text.count <= 256,
            let whole = String(validating: text, as: UTF8.self)
        else { throw .parameter(offset + 4) }
        var name = whole[...]
        var session: UInt64?
        if bytes[0] & 0xC0 == 0x40 {
            guard let cut = whole.firstRange(of: separator) else { throw .parameter(offset + 4) }
            name = whole[..<cut.lowerBound]
            session = number(whole[cut.upperBound...])
            guard session != nil else { throw .parameter(offset + 4) }
        }
        guard !name.isEmpty, name.utf8.count <= nameLimit else { throw .parameter(offset + 4) }
        return (SCSITransportID(name: String(name), session: session), length + 4)
    }

    /// At most 48 bits in hexadecimal digits, without a sign.
    private static func number(_ digits: Substring) -> UInt64? {
        guard digits.first?.isHexDigit == true, let number = UInt64(digits, radix: 16),
            number <= 0xFFFF_FFFF_FFFF
        else { return nil }
        return number
    }
}
