import Platform

/// A folder of a test's own with a log in it, removed with its files at the end.
final class TestFolder: Sendable {
    let path: String
    let log: OwnedFD

    init() throws {
        let name = Host.randomBytes(6).map { String($0, radix: 16) }.joined()
        path = "/tmp/causeway-test-\(Host.process)-\(name)"
        try Files.makeDirectories(path)
        log = try Files.open("\(path)/log", [.writeOnly, .create, .append])
    }

    deinit {
        let sockets = "\(path)/sockets"
        for name in (try? Files.list(sockets)) ?? [] { try? Files.remove("\(sockets)/\(name)") }
        try? Files.removeDirectory(sockets)
        for name in (try? Files.list(path)) ?? [] { try? Files.remove("\(path)/\(name)") }
        try? Files.removeDirectory(path)
    }
}
