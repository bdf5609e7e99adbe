/// The hardware address of an Ethernet interface.
public struct MACAddress: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The address as a number of 48 bits; its first byte on the wire is the highest.
    public let number: UInt64

    /// Takes the low 48 bits of a number.
    public init(_ number: UInt64) { self.number = number & 0xffff_ffff_ffff }

    /// Takes six bytes in the order of the wire; nil for any other count.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 6 else { return nil }
        self.init(bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// Parses `52:54:00:12:34:56`, with `-` for `:` too; nil for anything else.
    public init?(_ text: String) {
        let separator: Character = text.contains("-") ? "-" : ":"
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == 6 else { return nil }
        var number: UInt64 = 0
        for part in parts {
            let isPlain = part.utf8.count == 2 && part.allSatisfy(\.isHexDigit)
            guard isPlain, let byte = UInt8(part, radix: 16) else { return nil }
            number = number << 8 | UInt64(byte)
        }
        self.init(number)
    }

    /// Everybody on the link.
    public static let broadcast = MACAddress(0xffff_ffff_ffff)

    /// Whether it names many interfaces (IEEE 802: the lowest bit of the first byte); nobody sends
    /// from such an address.
    public var isGroup: Bool { number >> 40 & 1 != 0 }

    /// Six bytes in the order of the wire.
    public var bytes: [UInt8] {
        (0..<6).map { UInt8(truncatingIfNeeded: number >> UInt64(40 - 8 * $0)) }
    }

    /// Pairs of digits with colons between.
    public var description: String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }
}
