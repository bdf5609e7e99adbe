/// Big-endian fields of pages that are built in place, as SCSI has them.
extension [UInt8] {
    /// Appends an integer, big-endian.
    package mutating func append<Integer: FixedWidthInteger>(big value: Integer) {
        for index in 0..<MemoryLayout<Integer>.size {
            append(
                UInt8(
                    truncatingIfNeeded: value >> (8 * (MemoryLayout<Integer>.size - 1 - index))))
        }
    }

    /// Overwrites bytes from `index` on with an integer, big-endian; what does not fit is left out.
    package mutating func put<Integer: FixedWidthInteger>(_ value: Integer, at index: Int) {
        let size = MemoryLayout<Integer>.size
        for place in 0..<size where index >= 0 && index + place < count {
            self[index + place] = UInt8(truncatingIfNeeded: value >> (8 * (size - 1 - place)))
        }
    }

    /// Appends text as printable ASCII, cut or filled with spaces to `width` (SPC-4, 4.4.1).
    package mutating func append(ascii text: String, width: Int) {
        let field = text.utf8.prefix(width).map { (0x20...0x7E).contains($0) ? $0 : 0x20 }
        append(contentsOf: field + [UInt8](repeating: 0x20, count: width - field.count))
    }
}

extension UnsafeRawBufferPointer {
    /// Two bytes, big-endian; 0 where they lie outside.
    package func word(at index: Int) -> UInt16 { number(at: index) }
    /// Four bytes, big-endian; 0 where they lie outside.
    package func long(at index: Int) -> UInt32 { number(at: index) }
    /// Eight bytes, big-endian; 0 where they lie outside.
    package func quad(at index: Int) -> UInt64 { number(at: index) }

    private func number<Integer: FixedWidthInteger>(at index: Int) -> Integer {
        guard index >= 0, index <= count - MemoryLayout<Integer>.size else { return 0 }
        return Integer(bigEndian: loadUnaligned(fromByteOffset: index, as: Integer.self))
    }
}
