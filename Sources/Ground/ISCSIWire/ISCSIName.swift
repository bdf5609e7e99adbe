/// The name of an iSCSI node (RFC 7143, 4.2.7): `iqn.`, `eui.` or `naa.`, in lower case.
public struct ISCSIName: Hashable, Sendable, CustomStringConvertible {
    /// Most bytes of a name (4.2.7.1).
    public static let limit = 223

    /// The name in lower case.
    public let description: String

    /// Checks a name; upper case letters are folded (4.2.7.2, RFC 3722).
    ///
    /// Nil where it is no name.
    public init?(_ text: String) {
        let folded = text.lowercased()
        guard (5...Self.limit).contains(folded.utf8.count) else { return nil }
        let rest = folded.dropFirst(4)
        let isWellFormed: Bool =
            switch folded.prefix(4) {
            case "iqn.": Self.isQualified(rest)
            case "eui.": Self.isHexadecimal(rest, [16])
            case "naa.": Self.isHexadecimal(rest, [16, 32])
            default: false
            }
        guard isWellFormed else { return nil }
        description = folded
    }

    /// A date, a reversed domain, and perhaps a colon and anything without spaces (4.2.7.4).
    private static func isQualified(_ rest: Substring) -> Bool {
        let bytes = Array(rest.utf8)
        guard bytes.count >= 9, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: ".") else {
            return false
        }
        let digits = (bytes[..<4] + bytes[5..<7]).allSatisfy { (0x30...0x39).contains($0) }
        return digits
            && rest.unicodeScalars.allSatisfy { scalar in
                !scalar.isASCII || scalar.properties.isAlphabetic
                    || (0x30...0x39).contains(scalar.value)
                    || "-.:".unicodeScalars.contains(scalar)
                    // Not allowed by the letter, but used by Debian's and others' initiators.
                    || "_+@/".unicodeScalars.contains(scalar)
            }
    }

    /// Whether a name is one by the letter, as a target of ours should have: RFC 3720, 3.2.6.3
    /// (RFC 7143, 4.2.7), without what only other languages' letters need.
    ///
    /// What others are called is judged by `init`, which forgives more.
    public static func isProper(_ text: String) -> Bool {
        guard let name = ISCSIName(text), name.description == text else { return false }
        guard text.hasPrefix("iqn.") else { return true }
        let isPlain = text.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "-.:".utf8.contains($0)
        }
        let month = text.dropFirst(9).prefix(2)
        let domain = text.dropFirst(12).prefix { $0 != ":" }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        return isPlain && ("01"..."12").contains(month)
            && labels.allSatisfy {
                (1...63).contains($0.utf8.count) && $0.first != "-" && $0.last != "-"
            }
    }

    private static func isHexadecimal(_ digits: Substring, _ lengths: [Int]) -> Bool {
        lengths.contains(digits.utf8.count) && digits.allSatisfy { $0.isASCII && $0.isHexDigit }
    }
}
