/// Reads one JSON value from a line of bytes that an untrusted process wrote.
///
/// Source: RFC 8259. Nesting and size are bounded; fractions are read and cut off.
struct JSONReader {
    /// Why a line is not JSON.
    struct Malformed: Error, Equatable {}

    private static let depthLimit = 32

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads a line that is exactly one value.
    static func value(of line: [UInt8]) throws(Malformed) -> JSONValue {
        var reader = JSONReader(line)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.position == line.count else { throw Malformed() }
        return value
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { wanted in
            guard bytes[position...].starts(with: wanted) else { return false }
            position += wanted.count
            return true
        }
    }

    private mutating func value(depth: Int) throws(Malformed) -> JSONValue {
        guard depth < Self.depthLimit else { throw Malformed() }
        skipSpace()
        guard let byte = next else { throw Malformed() }
        switch byte {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .text(try text())
        default:
            if take("true") { return .bool(true) }
            if take("false") { return .bool(false) }
            if take("null") { return .null }
            return .integer(try number())
        }
    }

    private mutating func object(depth: Int) throws(Malformed) -> JSONValue {
        position += 1
        var members: [JSONValue.Member] = []
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            let name = try text()
            skipSpace()
            guard take(":") else { throw Malformed() }
            members.append(JSONValue.Member(name: name, value: try value(depth: depth + 1)))
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw Malformed() }
        }
    }

    private mutating func array(depth: Int) throws(Malformed) -> JSONValue {
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw Malformed() }
        }
    }

    private mutating func number() throws(Malformed) -> Int64 {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        guard let number = Int64(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            throw Malformed()
        }
        while let byte = next, (0x30...0x39).contains(byte) || ".eE+-".utf8.contains(byte) {
            position += 1
        }
        return number
    }

    private mutating func text() throws(Malformed) -> String {
        guard take("\"") else { throw Malformed() }
        var units: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: units, as: UTF8.self)
            case UInt8(ascii: "\\"): units += try escape()
            default: units.append(byte)
            }
        }
        throw Malformed()
    }

    private mutating func escape() throws(Malformed) -> [UInt8] {
        guard let byte = next else { throw Malformed() }
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0c]
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "u"):
            guard position + 4 <= bytes.count,
                let code = UInt32(
                    String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
            else { throw Malformed() }
            position += 4
            // Half of a pair stands for a character outside our needs.
            return Array(String(UnicodeScalar(code).map(Character.init) ?? "\u{fffd}").utf8)
        default: throw Malformed()
        }
    }
}
