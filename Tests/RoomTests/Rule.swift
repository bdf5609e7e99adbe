/// One breach of a rule.
struct Breach: Equatable, CustomStringConvertible {
    let rule: String
    let path: String
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(rule): \(what)" }
}

/// A rule of the house over one file.
struct Rule: Sendable {
    let name: String
    /// Line numbers and what stands there.
    let breaches: @Sendable (SourceText) -> [(line: Int, what: String)]

    func check(_ source: SourceText) -> [Breach] {
        breaches(source).map { Breach(rule: name, path: source.path, line: $0.line, what: $0.what) }
    }

    /// A rule that forbids words in the code of some files.
    static func forbids(
        _ name: String, _ words: [String], in applies: @escaping @Sendable (SourceText) -> Bool
    ) -> Rule {
        Rule(name: name) { source in
            guard applies(source) else { return [] }
            return source.code.enumerated().flatMap { index, line in
                words.filter { contains(line, word: $0) }.map { (index + 1, $0) }
            }
        }
    }

    /// Whether a line holds a word that is not a part of a longer one.
    private static func contains(_ line: String, word: String) -> Bool {
        func continues(_ character: Character?) -> Bool {
            character.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." } ?? false
        }
        let endsInName = word.last.map { $0.isLetter } ?? false
        var rest = line[...]
        while let found = rest.firstRange(of: word) {
            rest = rest[found.upperBound...]
            if continues(line[..<found.lowerBound].last) { continue }
            if !endsInName || rest.first == "." || !continues(rest.first) { return true }
        }
        return false
    }
}
