/// SCSI Command (RFC 7143, 11.3).
public struct CommandPDU: Equatable, Sendable {
    /// No unsolicited Data-Out follows.
    public let isFinal: Bool
    /// The command expects data for the initiator.
    public let reads: Bool
    /// The command expects data from the initiator.
    public let writes: Bool
    /// How the command is ordered among others; 0 to 4.
    public let attribute: UInt8
    /// Deliver at once.
    public let isImmediate: Bool
    /// Logical unit.
    public let lun: UInt64
    /// The task's tag.
    public let initiatorTaskTag: UInt32
    /// Bytes that the initiator gives, or takes where it gives none.
    public let expectedLength: UInt32
    /// Bytes that the initiator takes, of a command that both gives and takes.
    public let expectedReadLength: UInt32
    /// Command number.
    public let cmdSN: UInt32
    /// The next status number that the initiator expects.
    public let expStatSN: UInt32
    /// The first eight bytes of the command descriptor block, in host order.
    public let cdbHigh: UInt64
    /// The next eight.
    public let cdbLow: UInt64
    /// What follows the sixteenth byte.
    public let cdbRest: [UInt8]

    /// Most bytes of a command descriptor block (SPC-5, 4.2.5.1).
    public static let cdbLimit = 260

    init(_ header: BasicHeader, additional: [UInt8]) throws(ISCSIWireError) {
        guard additional.count == header.additionalLength else {
            throw .length(additional.count, want: header.additionalLength)
        }
        let flags = header.flags
        isFinal = header.isFinal
        reads = flags & 0x40 != 0
        writes = flags & 0x20 != 0
        attribute = flags & 0x07
        guard attribute <= 4 else { throw .field("task attribute", UInt64(attribute)) }
        isImmediate = header.isImmediate
        lun = header.lun
        initiatorTaskTag = header.initiatorTaskTag
        expectedLength = header.words[5]
        cmdSN = header.words[6]
        expStatSN = header.words[7]
        cdbHigh = UInt64(header.words[8]) << 32 | UInt64(header.words[9])
        cdbLow = UInt64(header.words[10]) << 32 | UInt64(header.words[11])
        let segments = try AdditionalSegments(additional)
        cdbRest = segments.cdbRest
        expectedReadLength =
            segments.expectedReadLength ?? (reads && !writes ? header.words[5] : 0)
        guard isFinal || writes else { throw .field("SCSI command F", 0) }
    }

    /// The command descriptor block, in 16 bytes or more.
    public var cdb: [UInt8] {
        var bytes = [UInt8](unsafeUninitializedCapacity: 16 + cdbRest.count) { target, count in
            let raw = UnsafeMutableRawBufferPointer(target)
            raw.storeBytes(of: cdbHigh.bigEndian, toByteOffset: 0, as: UInt64.self)
            raw.storeBytes(of: cdbLow.bigEndian, toByteOffset: 8, as: UInt64.self)
            count = 16
        }
        if !cdbRest.isEmpty { bytes += cdbRest }
        return bytes
    }
}

/// Additional header segments of a command (11.2.2).
struct AdditionalSegments {
    private(set) var cdbRest: [UInt8] = []
    private(set) var expectedReadLength: UInt32?

    init(_ bytes: [UInt8]) throws(ISCSIWireError) {
        var position = 0
        while position < bytes.count {
            let left = bytes.count - position
            guard left >= 4 else { throw .length(left, want: 4) }
            let length = Int(bytes[position]) << 8 | Int(bytes[position + 1])
            let next = position + 3 + length
            guard length >= 1, next <= bytes.count else { throw .length(length, want: left - 3) }
            // The first of the counted bytes is reserved, or belongs to no field.
            let body = bytes[position + 4..<next]
            switch bytes[position + 2] & 0x3F {
            case 1:
                guard cdbRest.isEmpty, body.count <= CommandPDU.cdbLimit - 16 else {
                    throw .field("extended CDB", UInt64(body.count))
                }
                cdbRest = Array(body)
            case 2:
                guard expectedReadLength == nil, body.count == 4 else {
                    throw .field("bidirectional AHS", UInt64(body.count))
                }
                expectedReadLength = body.reduce(0) { $0 << 8 | UInt32($1) }
            case let type: throw .field("AHS type", UInt64(type))
            }
            position += ISCSIWire.padded(3 + length)
        }
    }
}
