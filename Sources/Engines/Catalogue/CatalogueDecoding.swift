import JSONText

/// Why a catalogue could not be read.
public struct CatalogueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where in the document: `fileSystems[3].readOnly.road`.
    public var place: String
    /// What is wrong.
    public var cause: String

    /// Place and cause.
    public var description: String { "\(place): \(cause)" }
}

extension Catalogue {
    /// Parses a catalogue document; every member must be known and well formed.
    public init(parsing bytes: [UInt8]) throws(CatalogueError) {
        let document: JSONValue
        do { document = try JSONValue(parsing: bytes) } catch {
            throw CatalogueError(place: "document", cause: "\(error)")
        }
        let root = try Node(
            document, "document", ["schema", "fileSystems", "layers", "containers"])
        guard try root.node("schema").integer() == 1 else {
            throw CatalogueError(place: "schema", cause: "not 1")
        }
        fileSystems = try root.list("fileSystems") { node throws(CatalogueError) in
            try CatalogueEntry(node)
        }
        layers = try root.list("layers") { node throws(CatalogueError) in
            try node.allow(["type", "kind", "title", "signatures"])
            return LayerEntry(
                type: try node.text("type"), kind: try node.choice("kind"),
                title: try node.text("title"), signatures: try node.signatures())
        }
        containers = try root.list("containers") { node throws(CatalogueError) in
            try node.allow(["format", "title", "remedy", "signatures"])
            return ContainerEntry(
                format: try node.optionalText("format"), title: try node.text("title"),
                remedy: try node.optionalText("remedy"), signatures: try node.signatures())
        }
    }
}

extension CatalogueEntry {
    fileprivate init(_ node: Node) throws(CatalogueError) {
        try node.allow([
            "name", "title", "types", "signatures", "drivers", "readOnly", "readWrite", "journal",
            "anchor", "states", "stateReader", "notices", "whenDirty", "sizes", "tools", "host",
            "names", "startsWithBootArea", "traps",
        ])
        name = try node.text("name")
        title = try node.text("title")
        types = try node.optional("types")?.texts() ?? []
        signatures = try node.signatures()
        drivers = try node.node("drivers").texts()
        readOnly = try AccessRules(node.node("readOnly"))
        readWrite = try node.optional("readWrite").map { node throws(CatalogueError) in
            try AccessRules(node)
        }
        journal = try node.choice("journal")
        anchor = try node.optional("anchor").map { node throws(CatalogueError) in
            UInt64(try node.integer())
        }
        stateReader = try node.optionalText("stateReader") == nil ? nil : node.choice("stateReader")
        states = try node.list("states") { node throws(CatalogueError) in
            try node.allow(["when", "versions", "state", "says"])
            return StateRule(
                when: try node.condition("when"),
                versions: try node.optional("versions")?.texts() ?? [],
                state: try node.choice("state"), says: try node.text("says"))
        }
        notices = try node.list("notices") { node throws(CatalogueError) in
            try node.allow(["when", "says", "effect"])
            return NoticeRule(
                when: try node.condition("when"), says: try node.text("says"),
                effect: try node.optional("effect") == nil ? .none : node.choice("effect"))
        }
        whenDirty =
            try node.optional("whenDirty").map { node throws(CatalogueError) in
                try node.allow(["read", "write"])
                return DirtyRules(read: try node.choice("read"), write: try node.choice("write"))
            } ?? DirtyRules(read: .asIs, write: .asIs)
        sizes = try node.list("sizes") { node throws(CatalogueError) in try SizeRule(node) }
        let tools = try node.node("tools", ["packages", "make", "check"])
        self.tools = ToolRules(
            packages: try tools.node("packages").texts(), make: try tools.optionalText("make"),
            check: try tools.optionalText("check"))
        host = try HostRules(node.node("host", ["kernel", "module", "fuse"]))
        let names = try node.node("names", ["encoding", "caseSensitive", "maxBytes"])
        self.names = NameRules(
            encoding: try names.choice("encoding"),
            caseSensitive: try names.node("caseSensitive").bool(),
            maxBytes: Int(try names.node("maxBytes").integer()))
        startsWithBootArea = try node.optional("startsWithBootArea")?.bool() ?? false
        traps = try node.node("traps").texts()
    }
}

extension AccessRules {
    fileprivate init(_ node: Node) throws(CatalogueError) {
        try node.allow(["options", "optionsWhen", "road", "roadWhen"])
        options = try node.text("options")
        optionsWhen = try node.list("optionsWhen") { node throws(CatalogueError) in
            try node.allow(["when", "options"])
            return OptionRule(when: try node.condition("when"), options: try node.text("options"))
        }
        road = try node.choice("road")
        roadWhen = try node.list("roadWhen") { node throws(CatalogueError) in
            try node.allow(["when", "road", "says"])
            return RoadRule(
                when: try node.condition("when"), road: try node.choice("road"),
                says: try node.text("says"))
        }
    }
}

extension SizeRule {
    fileprivate init(_ node: Node) throws(CatalogueError) {
        try node.allow(["count", "high", "highWhen", "unit", "versions", "when"])
        count = try node.field("count")
        high = try node.optional("high") == nil ? nil : node.field("high")
        highWhen = try node.optional("highWhen") == nil ? nil : node.condition("highWhen")
        guard let unit = DiskUnit(try node.text("unit")) else {
            throw CatalogueError(place: node.place + ".unit", cause: "not a unit")
        }
        self.unit = unit
        versions = try node.optional("versions")?.texts() ?? []
        when = try node.optional("when") == nil ? nil : node.condition("when")
    }
}

extension HostRules {
    fileprivate init(_ node: Node) throws(CatalogueError) {
        kernel = try node.node("kernel").texts()
        module = try node.text("module")
        fuse = try node.list("fuse") { node throws(CatalogueError) in
            try node.allow(["program", "package"])
            return FUSEProgram(program: try node.text("program"), package: try node.text("package"))
        }
    }
}
