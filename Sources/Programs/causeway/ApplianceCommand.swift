import Appliance
import ArgumentParser
import FoundationEssentials
import Platform
import Sessions

/// `causeway appliance`.
struct ApplianceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "appliance",
        abstract: "Make and check the virtual machine that file systems are opened in.",
        subcommands: [
            ApplianceBuildCommand.self, ApplianceInfoCommand.self, ApplianceVerifyCommand.self,
        ])

    /// The appliance's folder: the one named, or where sessions look for it.
    static func directory(_ named: String?) -> String { named ?? Surroundings.folders.appliance }

    /// Runs a command's work and turns an appliance's error into its exit code.
    static func reporting(json: Bool, _ work: () throws -> Void) throws {
        try Output.reporting(json: json) {
            do { try work() } catch let error as ApplianceError {
                throw SessionError(
                    .host, error.cause, remedy: error.remedy, exit: .environment)
            }
        }
    }
}

/// `causeway appliance build`.
struct ApplianceBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Make the appliance, as an ordinary user.",
        discussion: """
            Causeway's own kernel for User-Mode Linux is compiled once (about 8 minutes on two \
            processors) and kept in the cache; `--kernel distro` takes the distribution's ready \
            one, which starts a second slower. The machine for QEMU always has the distribution's \
            kernel. Packages that are not installed are fetched with apt-get and unpacked into the \
            cache.
            """)

    /// What `--for` takes.
    enum Target: String, ExpressibleByArgument, CaseIterable {
        case uml, qemu, all

        var kinds: [PackagingKind] {
            switch self {
            case .uml: [.uml]
            case .qemu: [.qemu]
            case .all: PackagingKind.allCases
            }
        }
    }

    /// What `--kernel` takes.
    enum Kernel: String, ExpressibleByArgument, CaseIterable {
        case own, distro

        var flavour: KernelFlavour { self == .own ? .own : .distro }
    }

    @Option(help: "Where the User-Mode Linux kernel comes from.")
    var kernel = Kernel.own

    @Option(name: .customLong("for"), help: "The hypervisors to pack for.")
    var target = Target.all

    @Option(help: "The appliance's folder, in place of the usual one.")
    var output: String?

    @Option(help: "The cache's folder, in place of the usual one.")
    var cache: String?

    @Option(help: "The guest agent; without it, causeway-guest beside this program.")
    var agent: String?

    @Option(
        help: "The agent that serves blocks; without it, causeway-guest-blocks beside this program."
    )
    var blocksAgent: String?

    @Option(help: "How many compilers run at once; without it, one for each processor.")
    var jobs: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try ApplianceCommand.reporting(json: json) {
            let request = BuildRequest(
                kinds: target.kinds, flavour: kernel.flavour,
                output: try absolute(ApplianceCommand.directory(output)),
                cache: try absolute(cache ?? Surroundings.folders.cache),
                agent: try agent ?? beside("causeway-guest"),
                blocksAgent: try blocksAgent ?? beside("causeway-guest-blocks"),
                jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount)
            let progress = BuildDisplay()
            let builder = ApplianceBuilder(request) { progress.show($0) }
            defer { progress.clear() }
            let appliance = try builder.build()
            progress.clear()
            try ApplianceReport(appliance).print(json: json)
        }
    }

    private func beside(_ name: String) throws -> String {
        let program = try Host.executable()
        let folder = program.lastIndex(of: "/").map { program[..<$0] } ?? "."
        return "\(folder)/\(name)"
    }

    /// Programs that the builder runs start in other folders.
    private func absolute(_ path: String) throws -> String {
        try Files.makeDirectories(path, mode: 0o755)
        return try Files.realPath(path)
    }
}

/// `causeway appliance info`.
struct ApplianceInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Show what the appliance was made from.")

    @Argument(help: "The appliance's folder, in place of the usual one.")
    var directory: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try ApplianceCommand.reporting(json: json) {
            let appliance = try Appliance.locate(directory: ApplianceCommand.directory(directory))
            try ApplianceReport(appliance).print(json: json)
        }
    }
}

/// `causeway appliance verify`.
struct ApplianceVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Hash every file of the appliance and compare.",
        discussion: "Exit code 1 where a file differs from what the manifest says.")

    @Argument(help: "The appliance's folder, in place of the usual one.")
    var directory: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        var differs = false
        try ApplianceCommand.reporting(json: json) {
            let appliance = try Appliance.locate(directory: ApplianceCommand.directory(directory))
            let findings = try appliance.verify()
            differs = findings.contains { $0.state != .whole }
            if json { return try Output.json(["files": findings.map(FindingReport.init)]) }
            for finding in findings {
                print("\(finding.kind.rawValue)/\(finding.file) \(finding.state)")
            }
            if differs { Output.complain("causeway: `causeway appliance build` makes a new one.") }
        }
        if differs { throw ExitCode(CausewayExit.failure) }
    }
}
