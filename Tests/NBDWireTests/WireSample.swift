import NBDWire

/// Bytes written as hexadecimal digits; anything else between them is passed over.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

/// A request's header as bytes.
func encoded(_ request: NBDRequest, _ style: NBDHeaderStyle) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xee, count: style.requestSize)
    bytes.withUnsafeMutableBytes { request.encode(style, into: $0) }
    return bytes
}

/// A chunk's header as bytes.
func encoded(_ chunk: NBDChunkHeader, _ style: NBDHeaderStyle) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xee, count: style.chunkSize)
    bytes.withUnsafeMutableBytes { chunk.encode(style, into: $0) }
    return bytes
}
