import Platform

/// Builds the User-Mode Linux kernel from the distribution's source, once for each combination of
/// source, configuration and compiler.
///
/// The result is the same, byte for byte, wherever and whenever it is built from the same things:
/// the build happens inside the source folder, so that only relative paths reach the compiler,
/// and everything the kernel says about its birth is fixed.
struct OwnKernel {
    /// Package with the source, and the file of it.
    static let sourcePackage = "linux-source-6.1"
    static let sourceArchive = "/usr/src/linux-source-6.1.tar.xz"
    /// Raised when the steps below change what comes out.
    static let recipeVersion = 1
    /// Lines that `make` prints in all: for the estimate only.
    static let expectedSteps = 2170
    /// Longest compilation, in milliseconds.
    static let compilationLimit: Int64 = 4 * 60 * 60_000

    /// Programs that the build runs, and the packages they are in.
    static let needs: [(program: String, package: String)] = [
        ("make", "make"), ("gcc", "gcc"), ("/usr/include/stdio.h", "libc6-dev"),
        ("ld", "binutils"), ("strip", "binutils"), ("flex", "flex"), ("bison", "bison"),
        ("bc", "bc"), ("perl", "perl"), ("tar", "tar"), ("xz", "xz-utils"), ("patch", "patch"),
    ]

    /// Files that no part of this kernel is made of, more than half of all: not unpacked.
    static let unused =
        ["*.rst", "*.yaml", "*.svg", "*.dts", "*.dtsi", "*/tools/perf/*", "*/tools/testing/*"]
        + [
            "samples", "sound", "drivers/clk", "drivers/gpu", "drivers/iio", "drivers/infiniband",
            "drivers/media", "drivers/net/ethernet", "drivers/net/wireless", "drivers/pinctrl",
            "drivers/staging", "drivers/usb",
        ].map { "*/\($0)/*.[ch]" }
        + [
            "alpha", "arc", "arm", "arm64", "csky", "hexagon", "ia64", "loongarch", "m68k",
            "microblaze", "mips", "nios2", "openrisc", "parisc", "powerpc", "riscv", "s390", "sh",
            "sparc", "xtensa",
        ].map { "*/arch/\($0)/*.[chS]" }

    /// Words of every call of `make`.
    static let makeWords = [
        "ARCH=um", "SUBARCH=x86_64", "KBUILD_BUILD_TIMESTAMP=@0", "KBUILD_BUILD_USER=causeway",
        "KBUILD_BUILD_HOST=appliance", "KBUILD_BUILD_VERSION=1",
    ]

    let cache: BuildCache
    let jobs: Int
    let observer: BuildObserver

    /// The kernel, from the cache or built now.
    ///
    /// Blocks; a build takes minutes.
    func obtain() throws(ApplianceError) -> KernelFiles {
        let configuration = KernelConfiguration.userModeLinux
        let source = try DebianPackage.obtain(
            Self.sourcePackage, marker: Self.sourceArchive, cache: cache, observer: observer)
        observer(BuildProgress(.hashing))
        let archive = source.path(Self.sourceArchive)
        let recipe = try recipe(configuration, source: source, archive: archive)
        let folder = cache.kernelFolder(key: recipe.key)
        try cache.locked("kernel-\(recipe.key)", observer: observer) { () throws(ApplianceError) in
            if Self.isWhole(folder) { return }
            try Tool.require(Self.needs)
            try cache.replaceFolder(folder) { staging throws(ApplianceError) in
                try build(configuration, archive: archive, into: staging)
                try cache.write("\(staging)/recipe", Array(recipe.text.utf8))
            }
        }
        return try Self.files(in: folder, inputs: recipe.inputs)
    }

    private struct Recipe {
        var key: String
        var text: String
        var inputs: [ApplianceInput]
    }

    /// Everything that decides what comes out, and its hash.
    private func recipe(
        _ configuration: KernelConfiguration, source: DebianPackage, archive: String
    ) throws(ApplianceError) -> Recipe {
        let wishes = try digest(of: configuration.bytes)
        let compiler = try firstLine("gcc", ["--version"], package: "gcc")
        let linker = try firstLine("ld", ["--version"], package: "binutils")
        var inputs = [
            ApplianceInput(
                name: Self.sourcePackage, version: source.version,
                sha256: try Checksums.sha256(ofFile: archive)),
            ApplianceInput(name: "uml.config", version: "-", sha256: wishes),
            ApplianceInput(name: "gcc", version: Self.word(compiler), sha256: "-"),
            ApplianceInput(name: "ld", version: Self.word(linker), sha256: "-"),
        ]
        for patch in SourcePatch.all {
            inputs.append(
                ApplianceInput(name: patch.name, version: "-", sha256: try digest(of: patch.bytes)))
        }
        let lines =
            ["recipe \(Self.recipeVersion)", "make \(Self.makeWords.joined(separator: " "))"]
            + inputs.map { "\($0.name) \($0.version) \($0.sha256)" }
        let text = lines.joined(separator: "\n") + "\n"
        return Recipe(key: try digest(of: Array(text.utf8)), text: text, inputs: inputs)
    }

    private func digest(of bytes: [UInt8]) throws(ApplianceError) -> String {
        let path = "\(cache.directory)/digest-\(Host.process)"
        try cache.makeFolder(cache.directory)
        try cache.write(path, bytes)
        let digest = try Checksums.sha256(ofFile: path)
        try cache.removeTree(path)
        return digest
    }

    private func firstLine(
        _ program: String, _ arguments: [String], package: String
    ) throws(ApplianceError) -> String {
        try Tool.output(program, arguments, package: package).first ?? ""
    }

    /// A version without spaces: `gcc (Debian 12.2.0-14) 12.2.0` → `gcc_(Debian_12.2.0-14)_12.2.0`.
    private static func word(_ text: String) -> String {
        String(text.map { $0.isWhitespace ? "_" : $0 })
    }
}

extension OwnKernel {
    private static let names = (kernel: "kernel", release: "release", modinfo: "modinfo")

    /// Whether a cached kernel is complete: its folder appears only when it is, so this only
    /// guards against a hand that removed files from it.
    private static func isWhole(_ folder: String) -> Bool {
        [names.kernel, names.release, names.modinfo].allSatisfy { Files.exists("\(folder)/\($0)") }
    }

    private static func files(
        in folder: String, inputs: [ApplianceInput]
    ) throws(ApplianceError) -> KernelFiles {
        do {
            let release = try Files.readText("\(folder)/\(names.release)", limit: 256)
            let modinfo = try Files.read("\(folder)/\(names.modinfo)", limit: 8 << 20)
            return KernelFiles(
                kernel: "\(folder)/\(names.kernel)",
                release: String(release.prefix { !$0.isWhitespace }),
                fileSystems: FileSystemNames.builtIn(modinfo: modinfo), inputs: inputs)
        } catch {
            throw ApplianceError(
                "The cached kernel cannot be read: \(error)",
                remedy: "Delete \(folder) and build again.")
        }
    }

    private func build(
        _ configuration: KernelConfiguration, archive: String, into staging: String
    ) throws(ApplianceError) {
        let tree = "\(staging)/tree"
        try cache.makeFolder(tree)
        observer(BuildProgress(.unpacking))
        try Tool.run(
            "tar",
            [
                "--extract", "--xz", "--file", archive, "--directory", tree,
                "--strip-components=1", "--wildcards",
            ] + Self.unused.map { "--exclude=\($0)" },
            package: "tar")
        for patch in SourcePatch.all { try patch.apply(to: tree, cache: cache) }
        try configure(configuration, tree: tree)
        try compile(tree)
        try Tool.run(
            "strip", ["-o", "\(staging)/\(Self.names.kernel)", "\(tree)/linux"],
            package: "binutils")
        for (from, to) in [
            ("include/config/kernel.release", Self.names.release),
            ("modules.builtin.modinfo", Self.names.modinfo), (".config", "config"),
        ] {
            do {
                let bytes = try Files.read("\(tree)/\(from)")
                try cache.write("\(staging)/\(to)", bytes)
            } catch let error as ApplianceError {
                throw error
            } catch {
                throw ApplianceError(
                    "The kernel's build left no \(from): \(error)",
                    remedy: "This source is not one that this version of Causeway knows.")
            }
        }
        try cache.removeTree(tree)
    }

    private func configure(
        _ configuration: KernelConfiguration, tree: String
    ) throws(ApplianceError) {
        observer(BuildProgress(.configuring))
        let wishes = "\(tree)/causeway.config"
        try cache.write(wishes, configuration.bytes)
        try make(tree, ["KCONFIG_ALLCONFIG=\(wishes)", "allnoconfig"])
        let finished: String
        do { finished = try Files.readText("\(tree)/.config") } catch {
            throw ApplianceError(
                "The kernel was not configured: \(error)", remedy: ApplianceError.buildAgain)
        }
        let missing = configuration.unfulfilled(in: finished)
        guard missing.isEmpty else {
            throw ApplianceError(
                "This kernel source does not take \(missing.joined(separator: ", "))",
                remedy: "Correct appliance/uml.config.")
        }
    }

    private func compile(_ tree: String) throws(ApplianceError) {
        var done = 0
        observer(BuildProgress(.compiling, done: 0, total: Self.expectedSteps))
        try make(tree, ["--jobs=\(max(1, jobs))", "linux"]) { line in
            guard line.hasPrefix("  ") else { return }
            done += 1
            observer(
                BuildProgress(
                    .compiling, String(line.split(separator: " ").last ?? ""), done: done,
                    total: max(done, Self.expectedSteps)))
        }
    }

    private func make(
        _ tree: String, _ words: [String], onLine: (String) -> Void = { _ in }
    ) throws(ApplianceError) {
        try Tool.run(
            "make", ["--directory=\(tree)"] + Self.makeWords + words, package: "make",
            milliseconds: Self.compilationLimit, onLine: onLine)
    }
}
