import Testing

/// Every rule, shown a text that breaks it and one that does not.
@Suite struct RuleTests {
    private func breaches(
        _ rule: Rule, _ text: String, at path: String = "Sources/Ground/Bytes/File.swift"
    ) -> [Int] {
        rule.check(SourceText(path: path, text: text)).map(\.line)
    }

    private let rooms = [
        "Bytes": "Ground", "GuestWire": "Ground", "Platform": "Seams", "Bridge": "Engines",
        "GuestLink": "Engines", "GuestCore": "Guest", "Sessions": "Services",
    ]

    @Test(arguments: [
        ("Ground/Bytes", "import Platform"), ("Ground/Bytes", "public import GuestWire"),
        ("Seams/Platform", "import Bridge"), ("Engines/GuestLink", "import Bridge"),
        ("Engines/Bridge", "@testable import Sessions"), ("Engines/Bridge", "import GuestCore"),
        ("Guest/GuestCore", "import struct Bridge.Folder"),
        ("Services/Sessions", "import GuestCore"),
        ("Programs/causeway", "import GuestCore"), ("Programs/causeway-guest", "import Sessions"),
    ])
    func `an arrow that does not point down is a breach`(room: String, text: String) {
        let path = "Sources/\(room)/File.swift"
        #expect(breaches(Rules.arrows(rooms: rooms), "\n" + text, at: path) == [2])
    }

    @Test(arguments: [
        ("Ground/GuestWire", "public import Bytes"), ("Engines/Bridge", "import GuestLink"),
        ("Services/Sessions", "import Bridge"), ("Programs/causeway", "import Sessions"),
        ("Programs/causeway-guest", "import GuestCore"), ("Ground/Bytes", "// import Platform"),
        ("Ground/Bytes", "let text = \"import Platform\""),
        ("Ground/Bytes", "import Synchronization"),
    ])
    func `an arrow that points down is none`(room: String, text: String) {
        #expect(
            breaches(Rules.arrows(rooms: rooms), text, at: "Sources/\(room)/File.swift").isEmpty)
    }

    @Test func `Foundation below Services is a breach`() {
        #expect(breaches(Rules.foundation, "import Foundation") == [1])
        #expect(breaches(Rules.foundation, "public import FoundationEssentials") == [1])
        #expect(
            breaches(Rules.foundation, "import Foundation", at: "Sources/Services/S/F.swift") == [])
    }

    @Test func `libc in a room without a reason is a breach`() {
        #expect(breaches(Rules.libc, "import Glibc") == [1])
        #expect(breaches(Rules.libc, "import Glibc", at: "Sources/Seams/Platform/F.swift") == [])
    }

    @Test func `unchecked concurrency without a reason is a breach`() {
        #expect(breaches(Rules.claims, "final class A: @unchecked Sendable {}") == [1])
        #expect(breaches(Rules.claims, "/// A thing.\nnonisolated(unsafe) var a = 1") == [2])
        let reasoned = "// Guarded by `lock`.\nfinal class A: @unchecked Sendable {}"
        #expect(breaches(Rules.claims, reasoned) == [])
        #expect(breaches(Rules.claims, "nonisolated(unsafe) var a = 1  // one thread") == [])
    }

    @Test func `a crash on purpose is a breach`() {
        #expect(breaches(Rules.crashes, "let a = try! b()\n fatalError(\"x\")") == [1, 2])
        #expect(breaches(Rules.crashes, "try b() // never try! here") == [])
    }

    @Test func `printing and reading the environment below Programs are breaches`() {
        #expect(breaches(Rules.prints, "    print(a)\n Swift.print(b)\n fingerprint(c)") == [1])
        #expect(breaches(Rules.environment, "getenv(\"HOME\")\nProcessInfo.processInfo") == [1, 2])
        #expect(breaches(Rules.environment, "case environment\nenviron[0]") == [2])
        let program = "Sources/Programs/causeway/Main.swift"
        #expect(breaches(Rules.prints, "print(a)", at: program) == [])
        #expect(breaches(Rules.environment, "getenv(\"HOME\")", at: program) == [])
    }

    @Test func `an unstructured task below Programs is a breach`() {
        #expect(breaches(Rules.tasks, "Task { await a() }\nTask.detached {}") == [1, 2])
        #expect(breaches(Rules.tasks, "withTaskGroup { }") == [])
    }

    @Test func `a sleep in a test is a breach`() {
        let test = "Tests/BytesTests/A.swift"
        #expect(
            breaches(Rules.sleeps, "usleep(5)\nClock.sleep(milliseconds: 1)", at: test) == [1, 2])
        #expect(breaches(Rules.sleeps, "let a = \"exec sleep(60)\"", at: test) == [])
    }

    @Test func `a time limit of a test's own is a breach`() {
        let test = "Tests/BytesTests/A.swift"
        #expect(breaches(Rules.timeLimits, "@Suite(.timeLimit(.minutes(1)))", at: test) == [1])
    }

    @Test func `long files and long lines are breaches`() {
        let file = String(repeating: "a\n", count: 501)
        #expect(breaches(Rules.fileLength, file) == [501])
        #expect(breaches(Rules.fileLength, String(repeating: "a\n", count: 500)) == [])
        #expect(breaches(Rules.lineLength, "a\n" + String(repeating: "é", count: 101)) == [2])
        #expect(breaches(Rules.lineLength, String(repeating: "é", count: 100)) == [])
    }

    @Test func `open promises and words about a workplace are breaches anywhere`() {
        #expect(breaches(Rules.promises, "// TO" + "DO: later", at: "docs/guide.md") == [1])
        #expect(breaches(Rules.workplace, "see /wo" + "rk/main", at: "README.md") == [1])
        #expect(breaches(Rules.workplace, "network/interface, /tmp/kernel", at: "README.md") == [])
    }

    @Test func `strings and comments are not code, what follows them is`() {
        let text = """
            /* print(a) /* print(b) */ print(c) */ print(d)
            let a = "\\"print(e)" ; print(f)
            let b = #"print("g")"# ; print(h)
            let c = \"\"\"
                print(i)
                \"\"\" ; print(j)
            """
        #expect(breaches(Rules.prints, text) == [1, 2, 3, 6])
    }
}
