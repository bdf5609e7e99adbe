/// Why a text is not JSON, or not the JSON that this parser takes.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was expected.
    public var cause: String
    /// Where, in bytes from the start.
    public var offset: Int

    /// Cause and place.
    public var description: String { "\(cause) at byte \(offset)" }
}

extension JSONValue {
    /// Limits of the parser.
    public enum Limits {
        /// Nesting depth.
        public static let depth = 32
        /// Size of a document, in bytes.
        public static let bytes = 4 << 20
    }

    /// Parses a document (RFC 8259).
    ///
    /// Duplicate member names are refused, as are whole numbers of more than 64 bits, nesting past
    /// `Limits.depth` and documents past `Limits.bytes`.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        guard bytes.count <= Limits.bytes else {
            throw JSONError(cause: "document too long", offset: Limits.bytes)
        }
        var parser = JSONParser(bytes: bytes)
        self = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else { throw parser.error("end of document") }
    }
}

/// One pass over a document.
private struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    func error(_ wanted: String) -> JSONError {
        JSONError(cause: "expected \(wanted)", offset: position)
    }

    mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard current == text.utf8Start[index] else { throw error("\(text)") }
            position += 1
        }
        return value
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < JSONValue.Limits.depth else { throw error("less nesting") }
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    mutating func members(depth: Int) throws(JSONError) -> [JSONValue.Member] {
        position += 1
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take("}") { return members }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw error("a member name") }
            let name = try string()
            guard names.insert(name).inserted else { throw error("a name only once: \(name)") }
            skipSpace()
            guard take(":") else { throw error("a colon") }
            members.append(JSONValue.Member(name, try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return members }
            guard take(",") else { throw error("a comma or }") }
        }
    }

    mutating func elements(depth: Int) throws(JSONError) -> [JSONValue] {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw error("a comma or ]") }
        }
    }

    mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        _ = take("-")
        let leadsWithZero = current == UInt8(ascii: "0")
        let count = try digits()
        guard count == 1 || !leadsWithZero else { throw error("no zero in front of a number") }
        var isWhole = true
        if take(".") {
            isWhole = false
            _ = try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            _ = try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard isWhole else { return .decimal(text) }
        if let value = Int64(text) { return .integer(value) }
        if let value = UInt64(text) { return .unsigned(value) }
        throw error("a number of 64 bits")
    }

    /// Takes digits, at least one; returns how many.
    mutating func digits() throws(JSONError) -> Int {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
        guard position > start else { throw error("a digit") }
        return position - start
    }

    mutating func string() throws(JSONError) -> String {
        position += 1
        var content: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw error("UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): content += try escape()
            case 0..<0x20: throw error("no control characters")
            default: content.append(byte)
            }
        }
        throw error("the end of a string")
    }

    mutating func escape() throws(JSONError) -> [UInt8] {
        guard let byte = current else { throw error("an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"): return Array(String(try scalar()).utf8)
        default: throw error("an escape")
        }
    }

    mutating func scalar() throws(JSONError) -> Character {
        var code = try hex4()
        if (0xd800..<0xdc00).contains(code) {
            guard take("\\"), take("u") else { throw error("a low surrogate") }
            let low = try hex4()
            guard (0xdc00..<0xe000).contains(low) else { throw error("a low surrogate") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw error("a Unicode scalar") }
        return Character(scalar)
    }

    mutating func hex4() throws(JSONError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw error("four hexadecimal digits") }
        var code: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
        }
        position += 4
        return code
    }
}
