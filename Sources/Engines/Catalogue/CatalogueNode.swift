import JSONText

/// A value of the catalogue document and where it stands, for errors that say so.
struct Node {
    let value: JSONValue
    let place: String

    /// An object that has no members but these.
    init(_ value: JSONValue, _ place: String, _ members: [String]) throws(CatalogueError) {
        self.init(value: value, place: place)
        try allow(members)
    }

    private init(value: JSONValue, place: String) {
        self.value = value
        self.place = place
    }

    private func error(_ cause: String) -> CatalogueError {
        CatalogueError(place: place, cause: cause)
    }

    /// Requires an object without members other than these.
    func allow(_ names: [String]) throws(CatalogueError) {
        guard case .object(let members) = value else { throw error("not an object") }
        for member in members where !names.contains(member.name) {
            throw error("unknown member \(member.name)")
        }
    }

    /// The member of this name; nil where it is absent or null.
    func optional(_ name: String) throws(CatalogueError) -> Node? {
        guard case .object = value else { throw error("not an object") }
        guard let member = value[name], member != .null else { return nil }
        return Node(value: member, place: "\(place).\(name)")
    }

    /// The member of this name.
    func node(_ name: String) throws(CatalogueError) -> Node {
        guard let node = try optional(name) else { throw error("\(name) is missing") }
        return node
    }

    /// The member of this name, an object that has no members but these.
    func node(_ name: String, _ members: [String]) throws(CatalogueError) -> Node {
        let node = try node(name)
        try node.allow(members)
        return node
    }

    /// The elements of an array member, made by `body`; none where it is absent.
    func list<Element>(
        _ name: String, _ body: (Node) throws(CatalogueError) -> Element
    ) throws(CatalogueError) -> [Element] {
        guard let node = try optional(name) else { return [] }
        var result: [Element] = []
        for element in try node.elements() { result.append(try body(element)) }
        return result
    }

    func elements() throws(CatalogueError) -> [Node] {
        guard case .array(let values) = value else { throw error("not an array") }
        return values.enumerated().map { Node(value: $1, place: "\(place)[\($0)]") }
    }

    func text() throws(CatalogueError) -> String {
        guard case .string(let text) = value else { throw error("not a text") }
        return text
    }

    func texts() throws(CatalogueError) -> [String] {
        var texts: [String] = []
        for element in try elements() { texts.append(try element.text()) }
        return texts
    }

    func integer() throws(CatalogueError) -> Int64 {
        guard case .integer(let number) = value, number >= 0 else { throw error("not a number") }
        return number
    }

    func bool() throws(CatalogueError) -> Bool {
        guard case .bool(let value) = value else { throw error("not true or false") }
        return value
    }

    func text(_ name: String) throws(CatalogueError) -> String { try node(name).text() }

    func optionalText(_ name: String) throws(CatalogueError) -> String? {
        guard let node = try optional(name) else { return nil }
        return try node.text()
    }

    /// A text member that names a case of an enumeration.
    func choice<Choice: RawRepresentable<String>>(
        _ name: String
    ) throws(CatalogueError) -> Choice {
        let node = try node(name)
        guard let choice = Choice(rawValue: try node.text()) else {
            throw node.error("not one of the known words")
        }
        return choice
    }

    func condition(_ name: String) throws(CatalogueError) -> DiskCondition {
        let node = try node(name)
        guard let condition = DiskCondition(try node.text()) else {
            throw node.error("not a condition")
        }
        return condition
    }

    func field(_ name: String) throws(CatalogueError) -> DiskField {
        let node = try node(name)
        guard let field = DiskField(try node.text()) else { throw node.error("not a field") }
        return field
    }

    func signatures() throws(CatalogueError) -> [[Signature]] {
        try list("signatures") { group throws(CatalogueError) in
            var signatures: [Signature] = []
            for element in try group.elements() {
                guard let signature = Signature(try element.text()) else {
                    throw element.error("not a signature")
                }
                signatures.append(signature)
            }
            return signatures
        }
    }
}
