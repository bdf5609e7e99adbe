/// A JSON document as a value; objects keep the order of their members.
public indirect enum JSONValue: Equatable, Sendable {
    /// `null`
    case null
    /// `true` or `false`
    case bool(Bool)
    /// A whole number.
    case integer(Int64)
    /// A whole number above what `integer` holds.
    case unsigned(UInt64)
    /// A number with a fraction or an exponent, as it was written.
    case decimal(String)
    /// Text.
    case string(String)
    /// `[ … ]`
    case array([JSONValue])
    /// `{ … }`
    case object([Member])

    /// One name and value of an object.
    public struct Member: Equatable, Sendable {
        /// The name.
        public var name: String
        /// The value.
        public var value: JSONValue

        /// Makes a member.
        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The member of this name; nil where there is none or this is no object.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The text of a text; nil where this is none.
    public var stringValue: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number of a whole number that fits; nil where this is none.
    public var integerValue: Int64? {
        guard case .integer(let number) = self else { return nil }
        return number
    }

    /// The elements of an array; none where this is none.
    public var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    /// An object with these members, in this order.
    public static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        .object(members.map { Member($0.key, $0.value) })
    }

    /// Text, or null for nil.
    public static func text(_ text: String?) -> JSONValue {
        text.map { .string($0) } ?? .null
    }

    /// A number, or null for nil.
    public static func number(_ number: (some BinaryInteger)?) -> JSONValue {
        guard let number else { return .null }
        if let small = Int64(exactly: number) { return .integer(small) }
        return .unsigned(UInt64(clamping: number))
    }

    /// An array of texts.
    public static func texts(_ texts: [String]) -> JSONValue {
        .array(texts.map { .string($0) })
    }
}

extension JSONValue {
    /// The document as text, two spaces deeper with each level, one newline at the end.
    public var text: String {
        var output = ""
        write(to: &output, indent: 0)
        output += "\n"
        return output
    }

    /// The value in one line, without any space.
    public var line: String {
        var output = ""
        write(to: &output, indent: nil)
        return output
    }

    /// - Parameter indent: how deep; nil for a single line.
    private func write(to output: inout String, indent: Int?) {
        let deeper = indent.map { $0 + 1 }
        switch self {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += "\(value)"
        case .unsigned(let value): output += "\(value)"
        case .decimal(let value): output += value
        case .string(let value): Self.quote(value, to: &output)
        case .array(let values):
            Self.list(values, "[", "]", to: &output, indent: indent) { value, output in
                value.write(to: &output, indent: deeper)
            }
        case .object(let members):
            Self.list(members, "{", "}", to: &output, indent: indent) { member, output in
                Self.quote(member.name, to: &output)
                output += indent == nil ? ":" : ": "
                member.value.write(to: &output, indent: deeper)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ open: String, _ close: String, to output: inout String,
        indent: Int?, _ body: (Element, inout String) -> Void
    ) {
        func newLine(_ depth: Int) { output += "\n" + String(repeating: "  ", count: depth) }
        output += open
        for (index, element) in elements.enumerated() {
            if index > 0 { output += "," }
            if let indent { newLine(indent + 1) }
            body(element, &output)
        }
        if let indent, !elements.isEmpty { newLine(indent) }
        output += close
    }

    /// Escapes what JSON demands, and control characters of every kind.
    private static func quote(_ text: String, to output: inout String) {
        output += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\t": output += "\\t"
            case "\r": output += "\\r"
            case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
                let hex = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
