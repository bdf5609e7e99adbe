import GuestWire
import Platform

/// What to build.
public struct BuildRequest: Sendable {
    /// The packagings to make; the appliance's others stay as they are.
    public var kinds: [PackagingKind]
    /// Where the User-Mode Linux kernel comes from.
    ///
    /// QEMU's is always the distribution's.
    public var flavour: KernelFlavour
    /// The appliance's folder.
    public var output: String
    /// The cache's folder.
    public var cache: String
    /// The guest agent: a static executable, built from the sources of this program.
    public var agent: String
    /// The agent that serves blocks as well; another such executable.
    public var blocksAgent: String
    /// How many compilers run at once.
    public var jobs: Int

    /// Makes a request.
    public init(
        kinds: [PackagingKind], flavour: KernelFlavour, output: String, cache: String,
        agent: String, blocksAgent: String, jobs: Int
    ) {
        self.kinds = kinds
        self.flavour = flavour
        self.output = output
        self.cache = cache
        self.agent = agent
        self.blocksAgent = blocksAgent
        self.jobs = jobs
    }
}

/// Makes appliances, as an ordinary user.
public struct ApplianceBuilder {
    private let request: BuildRequest
    private let cache: BuildCache
    private let observer: BuildObserver

    /// Makes a builder; `observer` is called on the thread that builds.
    public init(_ request: BuildRequest, observer: @escaping BuildObserver) {
        self.request = request
        cache = BuildCache(directory: request.cache)
        self.observer = observer
    }

    /// Builds the packagings that were asked for and puts them in place.
    ///
    /// Blocks, for minutes where a kernel must be compiled.
    ///
    /// Each packaging appears whole or not at all; running machines keep the files they opened.
    public func build() throws(ApplianceError) -> Appliance {
        let agents = try [request.agent, request.blocksAgent].map(readAgent)
        for kind in request.kinds {
            let kernel = try obtainKernel(kind)
            observer(BuildProgress(.packing, kind.rawValue))
            try cache.makeFolder(cache.directory)
            try cache.locked("output", observer: observer) { () throws(ApplianceError) in
                try install(kind, kernel: kernel, agents: agents)
            }
        }
        return try Appliance.locate(directory: request.output)
    }

    private func obtainKernel(_ kind: PackagingKind) throws(ApplianceError) -> KernelFiles {
        let distro = DistroKernels(cache: cache, observer: observer)
        switch (kind, request.flavour) {
        case (.uml, .own):
            return try OwnKernel(cache: cache, jobs: request.jobs, observer: observer).obtain()
        case (.uml, .distro): return try distro.userModeLinux()
        case (.qemu, _): return try distro.pc()
        }
    }

    private func readAgent(_ path: String) throws(ApplianceError) -> [UInt8] {
        let bytes: [UInt8]
        do { bytes = try Files.read(path, limit: Initramfs.Limits.file) } catch {
            throw ApplianceError(
                "The guest agent cannot be read: \(error)",
                remedy: "`make build` builds it; --agent and --blocks-agent name one elsewhere.")
        }
        guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {  // ELF
            throw ApplianceError(
                "\(path) is no program", remedy: "Name the agents with --agent, --blocks-agent.")
        }
        return bytes
    }

    private func install(
        _ kind: PackagingKind, kernel: KernelFiles, agents: [[UInt8]]
    ) throws(ApplianceError) {
        let archives = try agents.map { agent throws(ApplianceError) in
            try Initramfs.build(agent: agent, modules: kernel.modules)
        }
        var manifest =
            (try? Appliance.locate(directory: request.output))?.manifest
            ?? ApplianceManifest(packagings: [])
        try cache.makeFolder(request.output)
        let output = BuildCache(directory: request.output)
        let folder = "\(request.output)/\(kind.rawValue)"
        try output.replaceFolder(folder) { staging throws(ApplianceError) in
            let path = "\(staging)/\(ApplianceFile.kernel)"
            try Tool.run(
                "cp", ["--reflink=auto", "--", kernel.kernel, path], package: "coreutils")
            try Tool.run("chmod", [kind == .uml ? "0755" : "0644", path], package: "coreutils")
            let names = [ApplianceFile.initramfs, ApplianceFile.blocksInitramfs]
            for (name, archive) in zip(names, archives) {
                try output.write("\(staging)/\(name)", archive)
            }
        }
        let agentInputs = [
            ("causeway-guest", request.agent), ("causeway-guest-blocks", request.blocksAgent),
        ]
        let ours = try agentInputs.map { name, path throws(ApplianceError) in
            ApplianceInput(name: name, version: "-", sha256: try Checksums.sha256(ofFile: path))
        }
        manifest.replace(
            Packaging(
                kind: kind, flavour: kind == .uml ? request.flavour : .distro,
                release: kernel.release, wireVersion: GuestWire.version,
                fileSystems: kernel.fileSystems, inputs: kernel.inputs + ours,
                files: try ApplianceFile.names.map(describe(folder))))
        try output.write(
            "\(request.output)/\(Appliance.manifestName)", Array(manifest.text.utf8))
    }

    private func describe(
        _ folder: String
    ) -> (String) throws(ApplianceError) -> ApplianceFile {
        { name throws(ApplianceError) in
            let path = "\(folder)/\(name)"
            do {
                return ApplianceFile(
                    name: name, size: try Files.status(path).size,
                    sha256: try Checksums.sha256(ofFile: path))
            } catch let error as ApplianceError {
                throw error
            } catch {
                throw ApplianceError("\(path) was not written: \(error)", remedy: "Build again.")
            }
        }
    }
}
