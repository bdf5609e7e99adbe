/// Services of SANITIZE (SBC-3, 5.24).
public enum SCSISanitizeService: UInt8, Sendable {
    case overwrite = 1
    case blockErase = 2
    case cryptographicErase = 3
    case exitFailureMode = 31
}

/// Parameter list of SANITIZE with OVERWRITE (SBC-3, 5.24.2.2).
public struct SCSIOverwrite: Equatable, Sendable {
    /// Whether passes alternate between the pattern and its complement.
    public var inverts: Bool
    /// Number of passes: 1 to 31.
    public var passes: Int
    /// What each block is filled with: 1 byte to a block.
    public var pattern: [UInt8]

    /// Reads the list for a disk with blocks of this size.
    public init(_ bytes: UnsafeRawBufferPointer, blockSize: Int) throws(SCSISense) {
        guard bytes.count > 4 else { throw .illegal(.parameterListLength) }
        inverts = bytes[0] & 0x80 != 0
        // TEST asks for a test pattern that vendors define.
        guard bytes[0] & 0x60 == 0 else { throw .parameter(0, bit: 6) }
        passes = Int(bytes[0] & 0x1F)
        guard passes > 0 else { throw .parameter(0, bit: 4) }
        guard bytes[1] == 0 else { throw .parameter(1, bit: 7) }
        let length = Int(bytes.word(at: 2))
        guard length > 0, length <= blockSize, length == bytes.count - 4 else {
            throw .parameter(2, bit: 7)
        }
        pattern = Array(bytes[4...])
    }
}
