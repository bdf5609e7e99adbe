public import Bytes

extension UnsafeRawBufferPointer {
    /// Reads a big-endian integer at a place that the caller has checked.
    @inlinable
    func big<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ offset: Int, as type: Integer.Type
    ) -> Integer {
        Integer(bigEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }

    /// Throws unless the buffer has exactly this many bytes.
    @inlinable
    func require(exactly count: Int) throws(BytesError) {
        if self.count < count { throw .truncated(needed: count, available: self.count) }
        if self.count > count { throw .trailing(count: self.count - count) }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Stores a big-endian integer at a place that the caller has checked.
    @inlinable
    func put<Integer: FixedWidthInteger & BitwiseCopyable>(_ value: Integer, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: Integer.self)
    }
}

extension ByteReader {
    /// Reads a text of `count` bytes as the protocol wants it: UTF-8, no NUL, at most 4096 bytes.
    mutating func string(_ count: Int) throws(BytesError) -> String {
        guard count <= NBDLimits.text else {
            throw .tooLong(length: count, limit: NBDLimits.text)
        }
        let bytes = try raw(count)
        guard !bytes.contains(0) else { throw .invalid(field: "text", value: 0) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
        return text
    }

    /// Reads a 32-bit length and that much text.
    mutating func sizedString() throws(BytesError) -> String {
        try string(Int(try bigEndian(as: UInt32.self)))
    }

    /// Reads a number that must be a magic one.
    mutating func magic<Integer: FixedWidthInteger>(
        _ magic: Integer, _ field: String
    ) throws(BytesError) {
        let value = try bigEndian(as: Integer.self)
        guard value == magic else {
            throw .invalid(field: field, value: UInt64(truncatingIfNeeded: value))
        }
    }
}

extension ByteWriter {
    /// Appends a 32-bit length and the text.
    mutating func writeSized(_ text: String) {
        writeBigEndian(UInt32(text.utf8.count))
        writeRaw(text.utf8)
    }
}
