/// A source file as the rules see it: its path in the tree, its lines, and its lines with
/// comments and the insides of string literals blanked out.
struct SourceText {
    let path: String
    let lines: [String]
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = path.hasSuffix(".swift") ? Self.blank(text) : lines
    }

    /// `Sources/Ground/Bytes/ByteReader.swift` gives `["Sources", "Ground", "Bytes", …]`.
    var components: [Substring] { path.split(separator: "/") }

    /// The layer's folder, for files below Sources.
    var layer: String? {
        components.count > 2 && components[0] == "Sources" ? String(components[1]) : nil
    }

    /// The room's folder, for files below Sources.
    var room: String? {
        components.count > 3 && components[0] == "Sources" ? String(components[2]) : nil
    }

    /// The modules imported, with the line numbers.
    var imports: [(module: String, line: Int)] {
        code.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at + 1 < words.count,
                words[..<at].allSatisfy({ $0.hasPrefix("@") || Self.accessLevels.contains($0) })
            else { return nil }
            var rest = words[(at + 1)...]
            if let kind = rest.first, Self.importKinds.contains(kind) { rest = rest.dropFirst() }
            let module = rest.first.map { $0.prefix { $0 != "." } } ?? ""
            return (String(module), index + 1)
        }
    }

    private static let accessLevels: Set<Substring> = ["public", "package", "internal", "private"]
    private static let importKinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
    ]

    /// Replaces comments and the insides of strings by spaces, line by line.
    private static func blank(_ text: String) -> [String] {
        var blanker = Blanker()
        return text.split(separator: "\n", omittingEmptySubsequences: false).map {
            blanker.blank($0)
        }
    }
}

/// Follows comments and string literals from line to line.
private struct Blanker {
    private enum State: Equatable {
        case code
        case comment(depth: Int)
        case string(hashes: Int, multiline: Bool)
    }

    private var state = State.code

    mutating func blank(_ line: Substring) -> String {
        var result = ""
        var rest = line
        while !rest.isEmpty {
            switch state {
            case .code:
                if rest.hasPrefix("//") { return result }
                let taken = enter(&rest)
                result += taken
            case .comment(let depth): leaveComment(&rest, depth: depth)
            case .string(let hashes, let multiline):
                if leaveString(&rest, hashes: hashes, multiline: multiline) { result += "\"" }
            }
        }
        if case .string(_, multiline: false) = state { state = .code }
        return result
    }

    /// Takes one character of code, or the opening of a comment or string.
    private mutating func enter(_ rest: inout Substring) -> String {
        if rest.hasPrefix("/*") {
            state = .comment(depth: 1)
            rest = rest.dropFirst(2)
            return " "
        }
        let hashes = rest.prefix { $0 == "#" }.count
        let opening = rest.dropFirst(hashes)
        if opening.hasPrefix("\"\"\"") {
            state = .string(hashes: hashes, multiline: true)
            rest = opening.dropFirst(3)
            return "\""
        }
        if opening.hasPrefix("\"") {
            state = .string(hashes: hashes, multiline: false)
            rest = opening.dropFirst(1)
            return "\""
        }
        let count = max(1, hashes)
        defer { rest = rest.dropFirst(count) }
        return String(rest.prefix(count))
    }

    private mutating func leaveComment(_ rest: inout Substring, depth: Int) {
        if rest.hasPrefix("*/") {
            state = depth == 1 ? .code : .comment(depth: depth - 1)
            rest = rest.dropFirst(2)
        } else if rest.hasPrefix("/*") {
            state = .comment(depth: depth + 1)
            rest = rest.dropFirst(2)
        } else {
            rest = rest.dropFirst()
        }
    }

    /// Passes over one character of a string, or its end: then true.
    private mutating func leaveString(
        _ rest: inout Substring, hashes: Int, multiline: Bool
    ) -> Bool {
        let marks = String(repeating: "#", count: hashes)
        if rest.hasPrefix("\\" + marks) {
            rest = rest.dropFirst(2 + hashes)
            return false
        }
        let end = (multiline ? "\"\"\"" : "\"") + marks
        guard rest.hasPrefix(end) else {
            rest = rest.dropFirst()
            return false
        }
        rest = rest.dropFirst(end.count)
        state = .code
        return true
    }
}
