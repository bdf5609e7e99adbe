public import Platform

/// Starts programs under bubblewrap, in namespaces of their own, with nothing of the host but what
/// was granted.
///
/// Inside there are: the program and its libraries, read-only; what was granted; a process list of
/// its own where that was granted; an empty network; no capabilities, no way to more privileges,
/// and the system calls of the filter. `docs/THREAT-MODEL.md` says what that is worth. Needs no
/// privileges, and leaves none where there are.
public enum Sandbox {
    /// Where bubblewrap may be.
    static let bubblewrapPaths = ["/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"]

    /// User and group inside, where the caller is root: nobody.
    static let nobody = "65534"

    /// Starts a program; returns when bubblewrap runs, some milliseconds before the program does.
    ///
    /// The process dies with the thread that called. Its end, as `ChildProcess.wait` reports it, is
    /// the end of everything inside. Bubblewrap's complaints go to the program's descriptor 2; a
    /// start that fails after this returned ends with exit code 1, and `diagnose` finds out why.
    public static func start(_ program: SandboxedProgram) throws(SandboxError) -> ChildProcess {
        let prepared = try prepare(program)
        do {
            return try withExtendedLifetime(prepared) { () throws(SystemError) in
                try ChildProcess(prepared.options, lifeline: prepared.lifeline)
            }
        } catch { throw .system(error) }
    }

    /// How bubblewrap is started, and what must stay open until it is.
    struct Prepared {
        var options: SpawnOptions
        var lifeline: OwnedFD
        /// Held until the child has its own copies.
        var held: [OwnedFD]
    }

    /// Resolves libraries, builds the filter and the command line.
    static func prepare(_ program: SandboxedProgram) throws(SandboxError) -> Prepared {
        try checkSwitches()
        guard let bubblewrap = bubblewrapPaths.first(where: Files.isExecutable) else {
            throw .bubblewrapMissing
        }
        let libraries = try SharedLibraries(of: [program.path] + program.modules)
        do {
            // Only processes inside keep the writer, so its end is theirs.
            let (lifeline, writer) = try Descriptors.pipe()
            let (filter, filterWriter) = try Descriptors.pipe()
            let code = program.filter.program(for: .current).bytes
            // A pipe holds 64 KiB, the longest program 32.
            try Files.writeAll(code, to: filterWriter.raw)

            var line = CommandLine(
                descriptors: program.descriptors + [writer.raw], asRoot: Host.user == 0)
            line.add(program, libraries: libraries)
            line.add(filter: filter.raw)
            guard line.descriptors.count <= CommandLine.descriptorLimit else {
                throw SandboxError.tooManyGrants
            }
            var options = SpawnOptions(
                path: bubblewrap,
                arguments: line.arguments + ["--", program.path] + program.arguments,
                environment: [], descriptors: line.descriptors, diesWithParent: true)
            options.forbidsCoreDumps = true
            // Bubblewrap's inner process does not know of the outer one's death at first.
            options.isGuarded = true
            return Prepared(options: options, lifeline: lifeline, held: [writer, filter])
        } catch let error as SystemError {
            throw .system(error)
        } catch let error as SandboxError {
            throw error
        } catch { throw .refused("\(error)") }
    }
}
