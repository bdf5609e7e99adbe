/// Numbers at places of a frame; network byte order unless the name says otherwise.
///
/// Callers have checked that the places lie within.
extension UnsafeRawBufferPointer {
    func big16(_ place: Int) -> UInt16 { UInt16(self[place]) << 8 | UInt16(self[place + 1]) }

    func big32(_ place: Int) -> UInt32 {
        UInt32(big16(place)) << 16 | UInt32(big16(place + 2))
    }

    func big48(_ place: Int) -> UInt64 {
        UInt64(big16(place)) << 32 | UInt64(big32(place + 2))
    }

    func little48(_ place: Int) -> UInt64 {
        (0..<6).reduce(0) { $0 | UInt64(self[place + $1]) << (8 * UInt64($1)) }
    }
}

extension UnsafeMutableRawBufferPointer {
    func put(big16 value: UInt16, at place: Int) {
        self[place] = UInt8(truncatingIfNeeded: value >> 8)
        self[place + 1] = UInt8(truncatingIfNeeded: value)
    }

    func put(big32 value: UInt32, at place: Int) {
        put(big16: UInt16(truncatingIfNeeded: value >> 16), at: place)
        put(big16: UInt16(truncatingIfNeeded: value), at: place + 2)
    }

    func put(big48 value: UInt64, at place: Int) {
        put(big16: UInt16(truncatingIfNeeded: value >> 32), at: place)
        put(big32: UInt32(truncatingIfNeeded: value), at: place + 2)
    }

    func put(little48 value: UInt64, at place: Int) {
        for byte in 0..<6 {
            self[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte)))
        }
    }
}

/// Why bytes are no message.
public enum AoEWireError: Error, Equatable, Sendable {
    /// `needed` bytes were wanted where only `available` are.
    case truncated(needed: Int, available: Int)
    /// The frame is of another Ethernet type.
    case otherType(UInt16)
    /// A length or count field is above what the protocol allows.
    case tooLong(length: Int, limit: Int)
}

/// Throws where there are fewer bytes than needed.
func need(_ count: Int, in bytes: UnsafeRawBufferPointer) throws(AoEWireError) {
    guard bytes.count >= count else {
        throw .truncated(needed: count, available: bytes.count)
    }
}
