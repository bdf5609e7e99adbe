public import Bytes

/// Reads XDR (RFC 4506) from memory that somebody else keeps, never past its end.
///
/// Integers are big-endian and everything is padded to four bytes. The memory must stay as it is
/// while the reader and what it lends are in use.
public struct XDRReader {
    private let bytes: UnsafeRawBufferPointer
    /// Where the next field begins, in bytes from the start.
    public private(set) var position: Int

    /// Reads `bytes` from an offset.
    public init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
        precondition(position >= 0 && position <= bytes.count, "outside the message")
        self.bytes = bytes
        self.position = position
    }

    /// How many bytes have not been read.
    public var remaining: Int { bytes.count - position }

    /// Reads an unsigned int.
    @inline(__always)
    public mutating func word() throws(BytesError) -> UInt32 {
        guard remaining >= 4 else { throw .truncated(needed: 4, available: remaining) }
        let value = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        position += 4
        return UInt32(bigEndian: value)
    }

    /// Reads an unsigned hyper.
    @inline(__always)
    public mutating func long() throws(BytesError) -> UInt64 {
        guard remaining >= 8 else { throw .truncated(needed: 8, available: remaining) }
        let value = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        position += 8
        return UInt64(bigEndian: value)
    }

    /// Reads a bool, which must be 0 or 1.
    public mutating func flag() throws(BytesError) -> Bool {
        let value = try word()
        guard value <= 1 else { throw .invalid(field: "bool", value: UInt64(value)) }
        return value == 1
    }

    /// Reads variable-length opaque data of at most `limit` bytes: where it lies.
    public mutating func opaqueRange(limit: Int) throws(BytesError) -> Range<Int> {
        let length = Int(try word())
        guard length <= limit else { throw .tooLong(length: length, limit: limit) }
        let padded = (length + 3) & ~3
        guard padded <= remaining else {
            throw .truncated(needed: padded, available: remaining)
        }
        let range = position..<position + length
        position += padded
        return range
    }

    /// Reads variable-length opaque data of at most `limit` bytes, lending it.
    public mutating func opaque(limit: Int) throws(BytesError) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[try opaqueRange(limit: limit)])
    }

    /// Passes over `count` bytes.
    public mutating func skip(_ count: Int) throws(BytesError) {
        guard count >= 0, count <= remaining else {
            throw .truncated(needed: count, available: remaining)
        }
        position += count
    }

    /// Reads a file handle.
    public mutating func fileHandle() throws(BytesError) -> FileHandle {
        guard let handle = FileHandle(try opaque(limit: FileHandle.limit)) else {
            throw .tooLong(length: FileHandle.limit + 1, limit: FileHandle.limit)
        }
        return handle
    }
}
