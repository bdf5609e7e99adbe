/// A command descriptor block: the first 16 bytes of what an initiator asked, kept in place so
/// that a command costs no allocation.
///
/// Commands longer than 16 bytes (7Fh) are not spoken here; their first 16 bytes suffice to refuse
/// them. A value: any thread.
public struct SCSICommandBlock: Equatable, Sendable {
    /// All 16 bytes, the first one most significant.
    public var bits: UInt128

    /// Takes all 16 bytes as one big-endian number.
    @inlinable
    public init(bits: UInt128) { self.bits = bits }

    /// Takes at most 16 bytes; what is missing is zero.
    public init(_ bytes: some Sequence<UInt8>) {
        var bits: UInt128 = 0
        var place = 15
        for byte in bytes.prefix(16) {
            bits |= UInt128(byte) << UInt128(8 * place)
            place -= 1
        }
        self.init(bits: bits)
    }

    /// Takes 16 bytes as they lie in memory; a shorter buffer is filled up with zeros.
    @inlinable
    public init(raw: UnsafeRawBufferPointer) {
        if raw.count >= 16 {
            let high = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            let low = UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            self.init(bits: UInt128(high) << 64 | UInt128(low))
        } else {
            self.init(raw)
        }
    }

    /// One byte; 0 outside 0...15.
    @inlinable
    public subscript(index: Int) -> UInt8 {
        guard index >= 0, index < 16 else { return 0 }
        return UInt8(truncatingIfNeeded: bits >> UInt128(8 * (15 - index)))
    }

    /// The byte that names the command.
    @inlinable
    public var opcode: UInt8 { UInt8(truncatingIfNeeded: bits >> 120) }

    /// Two bytes, big-endian.
    @inlinable
    public func word(at index: Int) -> UInt16 {
        UInt16(truncatingIfNeeded: bits >> UInt128(8 * (14 - index)))
    }

    /// Four bytes, big-endian.
    @inlinable
    public func long(at index: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: bits >> UInt128(8 * (12 - index)))
    }

    /// Eight bytes, big-endian.
    @inlinable
    public func quad(at index: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: bits >> UInt128(8 * (8 - index)))
    }

    /// All 16 bytes.
    public var bytes: [UInt8] { (0..<16).map { self[$0] } }
}
