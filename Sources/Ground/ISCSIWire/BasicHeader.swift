/// The 48 bytes that begin every PDU (RFC 7143, 11.2.1), as twelve words.
///
/// A value without storage of its own: decoding and encoding allocate nothing.
public struct BasicHeader: Sendable {
    /// The words, in host order: word 4 is the initiator task tag.
    public var words: InlineArray<12, UInt32>

    /// A header of zeros, but for the opcode byte.
    public init(opcode: UInt8) {
        words = InlineArray(repeating: 0)
        words[0] = UInt32(opcode) << 24
    }

    /// Reads a header; `bytes` must be at least 48.
    public init(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= ISCSIWire.headerLength, "a header is 48 bytes")
        words = InlineArray(repeating: 0)
        for index in 0..<12 {
            words[index] = UInt32(
                bigEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
        }
    }

    /// Reads a header from an array of exactly 48 bytes.
    public init(_ bytes: [UInt8]) throws(ISCSIWireError) {
        guard bytes.count == ISCSIWire.headerLength else {
            throw .length(bytes.count, want: ISCSIWire.headerLength)
        }
        self = bytes.withUnsafeBytes { BasicHeader($0) }
    }

    /// Writes the 48 bytes; `target` must have room for them.
    public func store(to target: UnsafeMutableRawBufferPointer) {
        precondition(target.count >= ISCSIWire.headerLength, "a header is 48 bytes")
        for index in 0..<12 {
            target.storeBytes(
                of: words[index].bigEndian, toByteOffset: index * 4, as: UInt32.self)
        }
    }

    /// The 48 bytes.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: ISCSIWire.headerLength) { target, count in
            store(to: UnsafeMutableRawBufferPointer(target))
            count = ISCSIWire.headerLength
        }
    }

    /// Six bits of opcode.
    public var opcode: UInt8 { UInt8(truncatingIfNeeded: words[0] >> 24) & 0x3F }

    /// The I bit: deliver at once, outside the order of command numbers.
    public var isImmediate: Bool { words[0] & 0x4000_0000 != 0 }

    /// The F bit of most PDUs, the T bit of a login.
    public var isFinal: Bool { words[0] & 0x0080_0000 != 0 }

    /// The second byte: flags whose meaning the opcode gives.
    public var flags: UInt8 {
        get { UInt8(truncatingIfNeeded: words[0] >> 16) }
        set { words[0] = words[0] & 0xFF00_FFFF | UInt32(newValue) << 16 }
    }

    /// The third and fourth byte.
    public var lowHalf: UInt16 {
        get { UInt16(truncatingIfNeeded: words[0]) }
        set { words[0] = words[0] & 0xFFFF_0000 | UInt32(newValue) }
    }

    /// Bytes of additional header segments behind this one.
    public var additionalLength: Int { Int(words[1] >> 24) * 4 }

    /// Bytes of data behind the headers, without padding.
    public var dataLength: Int {
        get { Int(words[1] & 0x00FF_FFFF) }
        set {
            precondition((0...ISCSIWire.dataSegmentLimit).contains(newValue), "24 bits of length")
            words[1] = words[1] & 0xFF00_0000 | UInt32(newValue)
        }
    }

    /// Bytes 8 to 15: a logical unit number in most PDUs.
    public var lun: UInt64 {
        get { UInt64(words[2]) << 32 | UInt64(words[3]) }
        set {
            words[2] = UInt32(truncatingIfNeeded: newValue >> 32)
            words[3] = UInt32(truncatingIfNeeded: newValue)
        }
    }

    /// Bytes 16 to 19.
    public var initiatorTaskTag: UInt32 {
        get { words[4] }
        set { words[4] = newValue }
    }

    /// Bytes 20 to 23: a target transfer tag in most PDUs.
    public var targetTransferTag: UInt32 {
        get { words[5] }
        set { words[5] = newValue }
    }
}
