import Platform

/// The version that a program tells of itself.
///
/// Runs it: some milliseconds.
enum ProgramVersion {
    /// QEMU's: the word after "version".
    static func ofQEMU(_ path: String) -> String {
        let words = output(of: path)
        guard let place = words.firstIndex(of: "version"), place + 1 < words.count else {
            return "unknown"
        }
        return String(words[place + 1])
    }

    /// The release of a User-Mode Linux kernel, which is all it prints.
    static func ofUserModeLinux(_ path: String) -> String {
        output(of: path).first.map(String.init) ?? "unknown"
    }

    private static func output(of path: String) -> [Substring] {
        let run = try? ChildProcess.run(
            SpawnOptions(path: path, arguments: ["--version"]), outputLimit: 4096,
            milliseconds: 5000)
        return String(decoding: run?.output ?? [], as: UTF8.self)
            .split(whereSeparator: \.isWhitespace)
    }
}
