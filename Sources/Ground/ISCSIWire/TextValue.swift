/// Values of text keys (RFC 7143, 6.1).
public enum TextValue {
    /// `Yes` or `No`.
    public static func boolean(_ text: String) -> Bool? {
        switch text {
        case "Yes": true
        case "No": false
        default: nil
        }
    }

    /// A decimal or `0x` hexadecimal number, at most 64 bits.
    public static func number(_ text: String) -> UInt64? {
        let digits: Substring
        let radix: Int
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            (digits, radix) = (text.dropFirst(2), 16)
        } else {
            (digits, radix) = (text[...], 10)
        }
        // The standard conversion would take a sign.
        guard let first = digits.utf8.first, first != 0x2B, first != 0x2D else { return nil }
        return UInt64(digits, radix: radix)
    }

    /// A list of values between commas, at most 64 of them; none of them empty.
    public static func list(_ text: String) -> [Substring]? {
        let items = text.split(separator: ",", maxSplits: 64, omittingEmptySubsequences: false)
        guard items.count <= 64, items.allSatisfy({ !$0.isEmpty }) else { return nil }
        return items
    }

    /// A large binary value: `0x` and hexadecimal digits, or `0b` and Base64 (RFC 4648, 4).
    ///
    /// Nil where it is neither, or longer than `limit` bytes.
    public static func binary(_ text: String, limit: Int) -> [UInt8]? {
        let digits = text.utf8.dropFirst(2)
        guard digits.count <= limit * 2 else { return nil }
        switch text.prefix(2) {
        case "0x", "0X": return hexadecimal(digits, limit: limit)
        case "0b", "0B": return base64(digits, limit: limit)
        default: return nil
        }
    }

    /// `0x` and hexadecimal digits.
    public static func encode(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("0x".utf8)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hexadecimal(_ digits: Substring.UTF8View, limit: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        // An odd count has a first byte of one digit.
        var half: UInt8? = digits.count.isMultiple(of: 2) ? nil : 0
        for digit in digits {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x41...0x46: value = digit - 0x41 + 10
            case 0x61...0x66: value = digit - 0x61 + 10
            default: return nil
            }
            if let high = half {
                bytes.append(high << 4 | value)
                half = nil
            } else {
                half = value
            }
        }
        return bytes.isEmpty || bytes.count > limit ? nil : bytes
    }

    private static func base64(_ digits: Substring.UTF8View, limit: Int) -> [UInt8]? {
        let characters = Array(digits)
        let padding = characters.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard !characters.isEmpty, characters.count.isMultiple(of: 4), padding <= 2 else {
            return nil
        }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        for (index, character) in characters.enumerated() {
            let isPadding = index >= characters.count - padding
            guard let value = isPadding ? 0 : sextet(character) else { return nil }
            bits = bits << 6 | UInt32(value)
            guard index % 4 == 3 else { continue }
            bytes += [16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
            bits = 0
        }
        // Bits behind the last byte must be zero.
        guard bytes.suffix(padding).allSatisfy({ $0 == 0 }) else { return nil }
        bytes.removeLast(padding)
        return bytes.isEmpty || bytes.count > limit ? nil : bytes
    }

    private static func sextet(_ character: UInt8) -> UInt8? {
        switch character {
        case 0x41...0x5A: character - 0x41
        case 0x61...0x7A: character - 0x61 + 26
        case 0x30...0x39: character - 0x30 + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
