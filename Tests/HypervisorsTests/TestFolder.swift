import Platform

/// A folder of a test's own, removed with its files at the end.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        let name = Host.randomBytes(6).map { String($0, radix: 16) }.joined()
        path = "/tmp/causeway-test-\(Host.process)-\(name)"
        try Files.makeDirectories(path)
    }

    deinit {
        try? Files.remove("\(path)/sub/memory")
        try? Files.removeDirectory("\(path)/sub")
        for name in (try? Files.list(path)) ?? [] { try? Files.remove("\(path)/\(name)") }
        try? Files.removeDirectory(path)
    }
}
