import Platform

/// A folder that is removed when the value goes.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let random = Host.randomBytes(8).map { String($0, radix: 16) }.joined()
        path = "/tmp/appliance-tests-\(Host.process)-\(random)"
        try Files.makeDirectories(path)
    }

    deinit {
        _ = try? ChildProcess.run(SpawnOptions(path: "/bin/rm", arguments: ["-rf", path]))
    }

    /// Writes a file below the folder.
    func write(_ name: String, _ text: String) throws {
        let file = "\(path)/\(name)"
        if let slash = file.lastIndex(of: "/") {
            try Files.makeDirectories(String(file[..<slash]))
        }
        try Files.replace(file, with: Array(text.utf8))
    }
}
