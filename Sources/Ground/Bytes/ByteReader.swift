/// Why bytes could not be decoded.
public enum BytesError: Error, Equatable, Sendable {
    /// `needed` bytes were asked for where only `available` remain.
    case truncated(needed: Int, available: Int)
    /// A length or count field is above the limit its reader set.
    case tooLong(length: Int, limit: Int)
    /// Bytes remain after the last field.
    case trailing(count: Int)
    /// A text field is not UTF-8.
    case notUTF8
    /// A field holds a value its format does not define.
    case invalid(field: String, value: UInt64)
}

/// Reads a byte string field by field, never past its end.
///
/// Integers are little-endian unless the name says otherwise. A value type: any thread.
public struct ByteReader: Sendable {
    /// The longest blob or text that `blob` and `text` accept unless told otherwise.
    public static let defaultBlobLimit = 1 << 20

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    /// Reads `bytes` from their start.
    public init(_ bytes: some Collection<UInt8>) {
        self.bytes = ArraySlice(bytes)
        position = self.bytes.startIndex
    }

    /// How many bytes have not been read.
    public var remaining: Int { bytes.endIndex - position }

    /// Reads a little-endian integer.
    public mutating func integer<Integer: FixedWidthInteger>(
        as type: Integer.Type = Integer.self
    ) throws(BytesError) -> Integer {
        Integer(littleEndian: try load(type))
    }

    /// Reads a big-endian integer.
    public mutating func bigEndian<Integer: FixedWidthInteger>(
        as type: Integer.Type = Integer.self
    ) throws(BytesError) -> Integer {
        Integer(bigEndian: try load(type))
    }

    /// Reads one byte that must be 0 or 1.
    public mutating func bool() throws(BytesError) -> Bool {
        let value: UInt8 = try integer()
        guard value <= 1 else { throw .invalid(field: "bool", value: UInt64(value)) }
        return value == 1
    }

    /// Reads exactly `count` bytes.
    public mutating func raw(_ count: Int) throws(BytesError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else {
            throw .truncated(needed: count, available: remaining)
        }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// Passes over `count` bytes.
    public mutating func skip(_ count: Int) throws(BytesError) {
        _ = try raw(count)
    }

    /// Reads a 32-bit length, at most `limit`, and then that many bytes.
    public mutating func blob(
        limit: Int = ByteReader.defaultBlobLimit
    ) throws(BytesError) -> [UInt8] {
        let length = Int(try integer(as: UInt32.self))
        guard length <= limit else { throw .tooLong(length: length, limit: limit) }
        return Array(try raw(length))
    }

    /// Reads a length-prefixed UTF-8 text.
    public mutating func text(
        limit: Int = ByteReader.defaultBlobLimit
    ) throws(BytesError) -> String {
        guard let text = String(validating: try blob(limit: limit), as: UTF8.self) else {
            throw .notUTF8
        }
        return text
    }

    /// Reads a count, at most `limit`, and then that many texts.
    public mutating func texts(limit: Int = 4096) throws(BytesError) -> [String] {
        let count = Int(try integer(as: UInt32.self))
        guard count <= limit else { throw .tooLong(length: count, limit: limit) }
        var texts: [String] = []
        for _ in 0..<count { texts.append(try text()) }
        return texts
    }

    /// Requires that everything has been read.
    public func finish() throws(BytesError) {
        guard remaining == 0 else { throw .trailing(count: remaining) }
    }

    private mutating func load<Integer: FixedWidthInteger>(
        _ type: Integer.Type
    ) throws(BytesError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard size <= remaining else { throw .truncated(needed: size, available: remaining) }
        var value = Integer.zero
        withUnsafeMutableBytes(of: &value) { target in
            target.copyBytes(from: bytes[position..<position + size])
        }
        position += size
        return value
    }
}
