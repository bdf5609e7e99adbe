import Platform

/// The files that a program needs to be loaded: its dynamic linker and its shared libraries.
struct SharedLibraries: Sendable, Equatable {
    /// One library: the name it is asked for, and where it is.
    struct Library: Sendable, Equatable {
        var name: String
        var path: String
    }

    /// Paths of dynamic linkers, as the programs name them.
    private(set) var interpreters: [String] = []
    /// The libraries, each once.
    private(set) var libraries: [Library] = []

    /// No program of ours comes near; more is a mistake or an attack.
    private static let limit = 512

    private static let folders = [
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib",
    ]

    /// Finds what these files need, and what that needs, and so on.
    ///
    /// Blocks: reads the head of every file. The system's folders come before the linker's index.
    init(of programs: [String]) throws(SandboxError) {
        var cache: LibraryCache?
        var seen: Set<String> = []
        var queue: [(path: String, image: ELFImage)] = []
        for program in programs {
            guard Files.exists(program) else { throw .missing(program) }
            guard let image = Self.read(program) else { throw .notExecutable(program) }
            if let interpreter = image.interpreter, !interpreters.contains(interpreter) {
                interpreters.append(interpreter)
                seen.insert(Self.name(of: interpreter))
            }
            queue.append((program, image))
        }
        while let (path, image) = queue.popLast() {
            for name in image.needed where seen.insert(name).inserted {
                guard libraries.count < Self.limit else { throw .tooManyGrants }
                let near = Self.expand(image.runPaths, of: path) + Self.folders
                var found = Self.find(name, in: near.map { "\($0)/\(name)" }, for: image.machine)
                if found == nil {
                    let index =
                        cache ?? LibraryCache((try? Files.read("/etc/ld.so.cache")) ?? [])
                    cache = index
                    found = Self.find(name, in: index.paths(of: name), for: image.machine)
                }
                guard let found else { throw .missing(name) }
                libraries.append(Library(name: name, path: found.path))
                queue.append(found)
            }
        }
    }

    /// The absolute ones of a file's own folders; `$ORIGIN` is the folder that the file lies in
    /// (ld.so(8)).
    private static func expand(_ runPaths: [String], of path: String) -> [String] {
        let real = (try? Files.realPath(path)) ?? path
        let origin = real.lastIndex(of: "/").map { String(real[..<$0]) } ?? ""
        return runPaths.compactMap { words in
            for form in ["$ORIGIN", "${ORIGIN}"] where words.hasPrefix(form) {
                return origin + words.dropFirst(form.count)
            }
            return words.hasPrefix("/") ? words : nil
        }
    }

    private static func find(
        _ name: String, in paths: [String], for machine: UInt16
    ) -> (path: String, image: ELFImage)? {
        for path in paths where Files.exists(path) {
            if let image = read(path), image.machine == machine { return (path, image) }
        }
        return nil
    }

    private static func read(_ path: String) -> ELFImage? {
        guard let file = try? Files.open(path, .readOnly) else { return nil }
        return try? ELFImage { offset, count throws(SystemError) in
            try Files.read(file, at: offset, count: count)
        }
    }

    private static func name(of path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }
}
