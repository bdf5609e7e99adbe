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
    /// The programs.
    enum Program: String {
        case ls, cat, cp

        /// Options that it is always given.
        var options: [String] {
            self == .cp ? ["-R", "--preserve=mode,timestamps,links", "--sparse=auto"] : []
        }

        /// What it is given for a path in the source, relative to the mounted folder.
        func resolve(_ path: String, below folder: String) throws(SystemError) -> String {
            // cp copies a link as a link, and ls shows one that leads to no folder.
            var followsLast = self == .cat
            if self == .ls,
                let place = try? Files.resolve(path, below: folder, followingLast: true)
            {
                followsLast = (try? Files.status("\(folder)/\(place)").kind) == .directory
            }
            return "./" + (try Files.resolve(path, below: folder, followingLast: followsLast))
        }
    }

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
    /// All words must name the same source. Links in it do not lead out of it: what the source
    /// holds must not choose files of this host. Returns the exit code, 1 for any failure.
    static func run(
        _ program: Program, _ words: [String], options: Options
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
        let here = try Files.realPath(".")
        return try with(source: source, program: program, options: options) { folder in
            var arguments: [String] = []
            var missing = 0
            for (word, place) in zip(words, located) {
                guard let place else {
                    // The program works in the mount.
                    let isPlace =
                        program == .cp && !word.hasPrefix("-") && !word.hasPrefix("/")
                    arguments.append(isPlace ? "\(here)/\(word)" : word)
                    continue
                }
                do throws(SystemError) {
                    arguments.append(try program.resolve(place.path, below: folder))
                } catch {
                    missing += 1
                    let words = SystemError.words(error.errno)
                    Output.complain("\(program.rawValue): /\(place.path): \(words)")
                }
            }
            guard missing < located.count(where: { $0 != nil }) else { return 1 }
            let child = try ChildProcess(
                SpawnOptions(
                    path: "/usr/bin/env",
                    arguments: ["--chdir=\(folder)", program.rawValue] + program.options
                        + arguments,
                    environment: ProcessInfo.processInfo.environment.map {
                        "\($0.key)=\($0.value)"
                    },
                    descriptors: [0, 1, 2]))
            return try child.wait()?.isSuccess == true && missing == 0 ? 0 : 1
        }
    }

    private static func with(
        source: String, program: Program, options: Options, _ body: (String) throws -> Int32
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
        request.isForCopying = program == .cp
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
            throw ExitCode(try PassingMount.run(.ls, words, options: options))
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
            throw ExitCode(try PassingMount.run(.cat, words, options: options))
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
            `disk.img:/` copies what is in the root into a folder that is there, or makes one. \
            Set-user-ID and set-group-ID bits are not copied, and of devices only their names.
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
            throw ExitCode(try PassingMount.run(.cp, words, options: options))
        }
    }
}
