import Testing

/// The rules, applied to the tree.
@Suite struct HouseTests {
    @Test(arguments: Rules.all.indices)
    func `the tree keeps the rule`(index: Int) {
        let rule = Rules.all[index]
        for breach in Tree.files.flatMap(rule.check) { Issue.record("\(breach)") }
    }

    @Test func `the tree is really there`() {
        #expect(Tree.files.contains { $0.path == "Package.swift" })
        #expect(Tree.files.contains { $0.path == "Sources/Ground/Bytes/ByteReader.swift" })
        #expect(Tree.rooms["Bytes"] == "Ground")
    }

    @Test func `every layer is in the plan`() {
        #expect(Set(Tree.folders("Sources")).isSubset(of: House.below.keys))
    }

    @Test func `arrows inside a layer never lead back`() {
        var seen: Set<String> = []
        func visit(_ room: String, path: [String]) {
            #expect(!path.contains(room), "\(path + [room]) is a circle")
            guard !path.contains(room), !seen.contains(room) else { return }
            for next in House.sideways[room] ?? [] { visit(next, path: path + [room]) }
            seen.insert(room)
        }
        for room in House.sideways.keys.sorted() { visit(room, path: []) }
    }

    @Test func `every room has tests, or a reason why not`() {
        let tests = Set(Tree.folders("Tests"))
        for room in Tree.rooms.keys.sorted() where !tests.contains("\(room)Tests") {
            #expect(House.untested[room] != nil, "\(room) has no Tests/\(room)Tests")
        }
    }

    @Test func `every test folder is a target, and every exception still stands`() {
        let manifest =
            Tree.files.first { $0.path == "Package.swift" }?.lines.joined()
            .filter { !$0.isWhitespace } ?? ""
        for folder in Tree.folders("Tests") {
            let name = folder.hasSuffix("Tests") ? String(folder.dropLast(5)) : folder
            #expect(
                manifest.contains("tests(\"\(name)\"") || manifest.contains("\"\(folder)\""),
                "Tests/\(folder) is in no target")
        }
        for room in House.untested.keys.sorted() {
            #expect(!Tree.folders("Tests").contains("\(room)Tests"), "\(room) has tests by now")
        }
    }
}
