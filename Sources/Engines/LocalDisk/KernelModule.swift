import Platform

/// Loading parts of the kernel by name, and other people's programs that do such things.
enum KernelModule {
    private static let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]

    /// The path of a program; nil where it is not installed.
    static func program(_ name: String) -> String? {
        folders.map { "\($0)/\(name)" }.first(where: Files.isExecutable)
    }

    /// Loads a module by modprobe(8); returns why it could not, nil where it could.
    static func load(_ name: String) -> String? {
        guard Host.user == 0 else { return "only root may load it" }
        guard let modprobe = program("modprobe") else { return "there is no modprobe" }
        do throws(SystemError) {
            let (end, output) = try ChildProcess.run(
                SpawnOptions(path: modprobe, arguments: ["--", name]), mergeErrors: true,
                outputLimit: 4096, milliseconds: 30_000)
            return end.isSuccess ? nil : firstLine(output) ?? "modprobe: \(end)"
        } catch { return "\(error)" }
    }

    /// The first line of a program's words.
    static func firstLine(_ output: [UInt8]) -> String? {
        String(decoding: output, as: UTF8.self).split(separator: "\n").first.map(String.init)
    }
}
