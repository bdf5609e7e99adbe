/// A text of `key=value` pairs (RFC 7143, 6.1).
public struct TextPairs: Equatable, Sendable {
    /// Bounds of a text.
    public enum Limits {
        /// Most bytes of a whole text, over all its PDUs.
        public static let bytes = 16 << 10
        /// Most pairs of a text.
        public static let keys = 64
        /// Most bytes of a key's name (6.1).
        public static let name = 63
        /// Most bytes of a value: 255 but for large binary values, and those, in hexadecimal,
        /// are at most 1,024 bytes (6.1, 12.1.3).
        public static let value = 2 + 2 * 1024
    }

    /// One pair.
    public struct Pair: Equatable, Sendable {
        /// The key's name; upper and lower case differ.
        public var key: String
        /// The value.
        public var value: String

        /// Makes a pair.
        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }

    /// The pairs in their order.
    public private(set) var pairs: [Pair] = []

    /// No pairs.
    public init() {}

    /// Decodes a complete text.
    public init(decoding bytes: some Collection<UInt8>) throws(ISCSIWireError) {
        guard bytes.count <= Limits.bytes else {
            throw .textTooLong(bytes.count, limit: Limits.bytes)
        }
        // Some initiators end a text with more than one zero byte, and some with none.
        for line in bytes.split(separator: 0, omittingEmptySubsequences: true) {
            guard pairs.count < Limits.keys else { throw .tooManyKeys(limit: Limits.keys) }
            pairs.append(try Self.pair(line))
        }
    }

    private static func pair(_ line: some Collection<UInt8>) throws(ISCSIWireError) -> Pair {
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { throw .textSyntax }
        let name = Array(line[..<equals])
        let value = Array(line[line.index(after: equals)...])
        guard let key = String(validating: name, as: UTF8.self), isName(name) else {
            throw .keyName(String(decoding: name.prefix(Limits.name), as: UTF8.self))
        }
        guard value.count <= Limits.value else {
            throw .textTooLong(value.count, limit: Limits.value)
        }
        guard let text = String(validating: value, as: UTF8.self) else { throw .textSyntax }
        return Pair(key, text)
    }

    /// Letters, digits, dot, minus, plus, at, underscore and number sign; a letter first (6.1).
    private static func isName(_ bytes: [UInt8]) -> Bool {
        guard (1...Limits.name).contains(bytes.count), let first = bytes.first else { return false }
        let isLetter = { (byte: UInt8) in (0x41...0x5A).contains(byte & 0xDF) }
        let others = Array("0123456789.-+@_#".utf8)
        return isLetter(first) && bytes.allSatisfy { isLetter($0) || others.contains($0) }
    }

    /// Appends a pair.
    public mutating func append(_ key: String, _ value: String) {
        pairs.append(Pair(key, value))
    }

    /// The value of the first pair with this key.
    public subscript(key: String) -> String? { pairs.first { $0.key == key }?.value }

    /// The text: each pair and its zero byte.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        for pair in pairs {
            bytes += pair.key.utf8
            bytes.append(UInt8(ascii: "="))
            bytes += pair.value.utf8
            bytes.append(0)
        }
        return bytes
    }
}
