import CPlatform

/// Checksums of bytes in memory.
public enum Checksum {
    /// CRC32C (RFC 7143, 11.3; RFC 3385), going on from `seed`, which is 0 at the start.
    ///
    /// Uses the processor's instruction where there is one. Any thread.
    public static func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return seed }
        return cp_crc32c(seed, base, bytes.count)
    }

    /// The same by tables, as processors without the instruction do it.
    public static func crc32cByTables(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { cp_crc32c_tables(seed, $0.baseAddress, bytes.count) }
    }
}
