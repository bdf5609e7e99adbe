import Platform

/// A folder of a test's own on a real file system, removed with its files at the end.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        let name = Host.randomBytes(6).map { String($0, radix: 16) }.joined()
        path = "/tmp/causeway-test-\(Host.process)-\(name)"
        try Files.makeDirectories(path)
    }

    deinit { _ = try? ChildProcess.run(SpawnOptions(path: "/bin/rm", arguments: ["-rf", path])) }

    /// A new file of this size that is all hole.
    func file(_ name: String, size: UInt64) throws -> String {
        let file = try Files.open("\(path)/\(name)", [.readWrite, .create])
        try Files.truncate(file, to: size)
        return "\(path)/\(name)"
    }

    /// Runs a program of the system; fails where it fails.
    @discardableResult
    func tool(_ name: String, _ arguments: [String]) throws -> String {
        let (end, output) = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/\(name)", arguments: arguments), mergeErrors: true)
        let words = String(decoding: output, as: UTF8.self)
        guard end.isSuccess else { throw ToolFailure(words: "\(name) \(arguments): \(words)") }
        return words
    }
}

/// What a program said when it failed.
struct ToolFailure: Error {
    var words: String
}
