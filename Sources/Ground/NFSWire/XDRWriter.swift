/// Builds XDR (RFC 4506): big-endian integers, everything padded to four bytes.
public struct XDRWriter: Sendable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8]

    /// Makes an empty writer; `capacity` is a hint in bytes.
    public init(capacity: Int = 256) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Appends an unsigned int.
    public mutating func write(_ value: UInt32) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends an unsigned hyper.
    public mutating func write(_ value: UInt64) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends a bool.
    public mutating func write(_ value: Bool) { write(UInt32(value ? 1 : 0)) }

    /// Appends variable-length opaque data or a string.
    public mutating func write(_ data: [UInt8]) {
        write(UInt32(data.count))
        bytes.append(contentsOf: data)
        pad()
    }

    /// Appends a file handle.
    public mutating func write(_ handle: FileHandle) {
        write(UInt32(handle.count))
        handle.withBytes { bytes.append(contentsOf: $0) }
        pad()
    }

    /// Overwrites four bytes at `offset`.
    public mutating func patch(_ value: UInt32, at offset: Int) {
        precondition(offset >= 0 && offset + 4 <= bytes.count, "patch outside what was written")
        for index in 0..<4 {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (24 - 8 * index))
        }
    }

    private mutating func pad() {
        while bytes.count & 3 != 0 { bytes.append(0) }
    }
}
