import ArgumentParser
import FoundationEssentials
import Platform
import Sessions

/// A file inside a source, as the user writes it: `SOURCE:PATH`.
struct SourcePath {
    /// The source's absolute path.
    let source: String
    /// The path inside it, without a leading slash.
    let path: String

    /// Splits at the colon behind the longest prefix that exists as a file.
    init?(_ words: String) {
        for index in words.indices.reversed() where words[index] == ":" {
            let prefix = String(words[..<index])
            guard let source = try? Files.realPath(prefix),
                let kind = try? Files.status(source).kind, kind == .file || kind == .blockDevice
            else { continue }
            self.source = source
            path = String(words[words.index(after: index)...].drop { $0 == "/" })
            return
        }
        return nil
    }
}

/// Runs one of the host's own programs on a source that is mounted just for it.
struct PassingMount {
    /// Mount options that all three commands share.
    struct Options: ParsableArguments {
        @Option(help: "Use only this partition, by its number.")
        var partition: String?

        @OptionGroup var image: FormatOption

        @Option(help: "Hypervisor: uml, qemu, qemu-kvm, qemu-tcg.")
        var via: String?
    }

    /// Runs `program` with each `SOURCE:PATH` word replaced by a path in a private mount.
    ///
    /// All words must name the same source. Returns the program's exit code.
    static func run(
        _ program: String, _ words: [String], options: Options
    ) throws -> Int32 {
        let located = words.map { SourcePath($0) }
        guard let source = located.compactMap({ $0?.source }).first else {
            throw SessionError(
                .source, "no argument has the form SOURCE:PATH with a SOURCE that exists",
                remedy: "For example: causeway ls disk.img:/etc", exit: .sourceUnusable)
        }
        guard located.allSatisfy({ $0 == nil || $0?.source == source }) else {
            throw SessionError(
                .source, "the arguments name two sources", remedy: "Mount them instead.",
                exit: .notSupported)
        }
        return try with(source: source, options: options) { folder in
            let arguments = zip(words, located).map { word, place in
                place.map { "\(folder)/\($0.path)" } ?? word
            }
            let child = try ChildProcess(
                SpawnOptions(
                    path: "/usr/bin/env", arguments: [program] + arguments,
                    environment: ProcessInfo.processInfo.environment.map {
                        "\($0.key)=\($0.value)"
                    },
                    descriptors: [0, 1, 2]))
            guard case .exited(let code) = try child.wait() ?? .signaled(9) else { return 1 }
            return code
        }
    }

    private static func with(
        source: String, options: Options, _ body: (String) throws -> Int32
    ) throws -> Int32 {
        let folders = Surroundings.folders
        try folders.prepareRuntime(user: Host.user)
        let name = Host.randomBytes(6).map { String($0, radix: 16) }.joined()
        let folder = "\(folders.runtime)/passing-\(name)"
        try Files.makeDirectories(folder, mode: 0o700)
        var request = SessionRequest(
            source: source, mountpoint: folder, mode: .readOnly, user: Host.user,
            group: Host.group, folders: folders)
        request.removesMountpoint = true
        request.format = options.image.format
        request.partition = options.partition
        request.hypervisor = options.via
        let progress = ProgressLine(quiet: false)
        let client = SessionClient(registry: SessionRegistry(folders: folders))
        let hold: SessionClient.Hold
        do { hold = try client.startHeld(request) { progress.show($0) } } catch {
            progress.clear()
            try? Files.removeDirectory(folder)
            throw error
        }
        progress.clear()
        let result = Result { try body(folder) }
        _ = try client.unmount(hold.record, force: false) { _ in }
        withExtendedLifetime(hold) {}
        return try result.get()
    }
}

/// `causeway ls`.
struct LsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List files inside a source, without mounting it.",
        discussion: "Options behind `--` go to ls: causeway ls disk.img:/etc -- -la")

    @OptionGroup var options: PassingMount.Options
    @Argument(help: "SOURCE:PATH, and options for ls behind --.")
    var words: [String]

    func run() throws {
        try Output.reporting(json: false) {
            throw ExitCode(try PassingMount.run("ls", words, options: options))
        }
    }
}

/// `causeway cat`.
struct CatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Print files inside a source, without mounting it.")

    @OptionGroup var options: PassingMount.Options
    @Argument(help: "SOURCE:PATH …")
    var words: [String]

    func run() throws {
        try Output.reporting(json: false) {
            throw ExitCode(try PassingMount.run("cat", words, options: options))
        }
    }
}

/// `causeway cp`.
struct CpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cp", abstract: "Copy files out of a source, without mounting it.",
        discussion: """
            Copies folders with all they hold, and keeps times, modes and links:
              causeway cp disk.img:/home/ann ./ann
            """)

    @OptionGroup var options: PassingMount.Options
    @Argument(help: "SOURCE:PATH … and where to.")
    var words: [String]

    func run() throws {
        try Output.reporting(json: false) {
            guard words.count >= 2, words.last.map({ SourcePath($0) == nil }) ?? false else {
                throw SessionError(
                    .source, "cp copies out of a source, to a place on this computer",
                    remedy: "To write into a source: causeway mount --write.", exit: .notSupported)
            }
            throw ExitCode(
                try PassingMount.run(
                    "cp", ["-R", "--preserve=mode,timestamps,links", "--sparse=auto"] + words,
                    options: options))
        }
    }
}
