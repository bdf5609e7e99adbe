/// Every rule that looks at one file.
enum Rules {
    static let all = [
        arrows, foundation, libc, claims, crashes, prints, environment, tasks, sleeps, timeLimits,
        fileLength, lineLength, promises, workplace,
    ]

    /// Imports of our own rooms point down.
    static func arrows(rooms: [String: String]) -> Rule {
        Rule(name: "arrow") { source in
            guard let layer = source.layer, let room = source.room else { return [] }
            return source.imports.compactMap { module, line in
                guard let target = rooms[module], module != room else { return nil }
                if House.forbidden[room]?.contains(module) == true {
                    return (line, "\(room) must not see \(module)")
                }
                if House.below[layer]?.contains(target) == true { return nil }
                if House.sideways[room]?.contains(module) == true { return nil }
                return (line, "\(layer)/\(room) imports \(target)/\(module)")
            }
        }
    }

    static let arrows = arrows(rooms: Tree.rooms)

    static let foundation = Rule(name: "no Foundation below Services") { source in
        guard let layer = source.layer, layer != "Services", layer != "Programs" else { return [] }
        return source.imports.filter { $0.module.hasPrefix("Foundation") }.map {
            ($0.line, $0.module)
        }
    }

    static let libc = Rule(name: "libc only where the plan allows it") { source in
        guard let room = source.room, House.libc[room] == nil else { return [] }
        return source.imports.filter { ["Glibc", "Musl", "Darwin"].contains($0.module) }.map {
            ($0.line, $0.module)
        }
    }

    /// `@unchecked Sendable` and the like need a comment beside them that says why it is right.
    static let claims = Rule(name: "unchecked concurrency needs its reason") { source in
        source.code.enumerated().compactMap { index, line in
            let words = ["@unchecked Sendable", "nonisolated(unsafe)"]
            guard let word = words.first(where: { line.contains($0) }) else { return nil }
            return reasons(beside: index, of: source) ? nil : (index + 1, word)
        }
    }

    private static func reasons(beside index: Int, of source: SourceText) -> Bool {
        var comment = ""
        if let slashes = source.lines[index].firstRange(of: "//") {
            comment += source.lines[index][slashes.upperBound...]
        }
        for line in source.lines[..<index].reversed() {
            let trimmed = line.drop { $0 == " " }
            guard trimmed.hasPrefix("//") || trimmed.hasPrefix("@") else { break }
            comment += trimmed
        }
        let words = [
            "thread", "lock", "mutex", "immutable", "constant", "atomic", "serial", "once",
            "never changes", "before",
        ]
        return words.contains { comment.lowercased().contains($0) }
    }

    static let crashes = Rule.forbids("no crash on purpose", ["try!", "fatalError("]) {
        $0.path.hasSuffix(".swift") && $0.layer != nil
    }

    static let prints = Rule.forbids(
        "no printing below Programs", ["print(", "debugPrint(", "dump(", "NSLog("]
    ) { $0.path.hasSuffix(".swift") && $0.layer != nil && $0.layer != "Programs" }

    static let environment = Rule.forbids(
        "no reading of the environment below Programs",
        ["getenv(", "ProcessInfo", "secure_getenv(", "environ"]
    ) { $0.path.hasSuffix(".swift") && $0.layer != nil && $0.layer != "Programs" }

    static let tasks = Rule.forbids(
        "no unstructured task below Programs", ["Task {", "Task.detached", "Task("]
    ) { $0.path.hasSuffix(".swift") && $0.layer != nil && $0.layer != "Programs" }

    static let sleeps = Rule.forbids(
        "no sleep in tests", ["sleep(", "usleep(", "Thread.sleep", "Task.sleep", "Clock.sleep"]
    ) { $0.path.hasSuffix(".swift") && $0.layer == nil }

    /// A test waits for one of a few threads after its time has begun to run.
    ///
    /// What hangs is ended by scripts/unit-tests.
    static let timeLimits = Rule.forbids("no time limit of a test's own", [".timeLimit("]) {
        $0.path.hasSuffix(".swift") && $0.layer == nil
    }

    static let fileLength = Rule(name: "at most 500 lines in a file") { source in
        let count = source.lines.count - (source.lines.last == "" ? 1 : 0)
        guard isCode(source), count > 500 else { return [] }
        return [(count, "\(count) lines")]
    }

    static let lineLength = Rule(name: "at most 100 columns in a line") { source in
        guard isCode(source) else { return [] }
        return source.lines.enumerated().filter { $0.element.count > 100 }.map {
            ($0.offset + 1, "\($0.element.count) columns")
        }
    }

    // The words are put together here so that this file does not break its own rules.
    static let promises = words(
        "no promises left open",
        ["TO" + "DO", "FIX" + "ME", "not impl" + "emented", "for n" + "ow"])

    static let workplace = words(
        "no word about a workplace",
        [
            "/wo" + "rk/", "/fa" + "rm/", "/tmp/" + "k/", "/tmp/" + "px", "/tmp/" + "brief",
            "/tmp/bash" + "_",
        ])

    private static func words(_ name: String, _ words: [String]) -> Rule {
        Rule(name: name) { source in
            source.lines.enumerated().flatMap { index, line in
                words.filter { line.contains($0) }.map { (index + 1, $0) }
            }
        }
    }

    private static func isCode(_ source: SourceText) -> Bool {
        [".swift", ".c", ".h"].contains { source.path.hasSuffix($0) }
    }
}
