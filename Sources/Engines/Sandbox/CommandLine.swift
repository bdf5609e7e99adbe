/// Bubblewrap's command line, and the descriptors that it names.
struct CommandLine {
    /// Descriptors that one child can be given.
    static let descriptorLimit = 64

    /// Options, without the program.
    private(set) var arguments: [String] = [
        "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
        "--unshare-cgroup-try", "--die-with-parent", "--new-session",
        "--cap-drop", "ALL", "--hostname", "causeway", "--clearenv", "--chdir", "/",
    ]
    /// The child's descriptors: the program's, then those that bubblewrap consumes.
    private(set) var descriptors: [Int32]

    /// Begins with the descriptors that stay open in the program.
    init(descriptors: [Int32], asRoot: Bool) {
        self.descriptors = descriptors
        if asRoot { arguments += ["--uid", Sandbox.nobody, "--gid", Sandbox.nobody] }
    }

    /// Adds the program, its libraries, its grants and its environment.
    mutating func add(_ program: SandboxedProgram, libraries: SharedLibraries) {
        // Folders first: one of them may be where a file has its place.
        for grant in program.grants where grant.isFolder { add(grant) }
        var folder: String?
        for library in libraries.libraries {
            arguments += ["--ro-bind", library.path, "/lib/\(library.name)"]
            folder = "/lib"
        }
        for path in libraries.interpreters + [program.path] + program.modules {
            arguments += ["--ro-bind", path, path]
        }
        for grant in program.grants where !grant.isFolder { add(grant) }
        arguments += ["--remount-ro", "/"]
        if let folder { arguments += ["--setenv", "LD_LIBRARY_PATH", folder] }
        for (name, value) in program.environment { arguments += ["--setenv", name, value] }
    }

    /// Adds the system call filter, which bubblewrap reads to its end.
    mutating func add(filter: Int32) {
        arguments += ["--seccomp", String(descriptors.count)]
        descriptors.append(filter)
    }

    /// Adds one grant.
    mutating func add(_ grant: SandboxedProgram.Grant) {
        switch grant {
        case .file(let path, let place):
            arguments += ["--ro-bind", path, place]
        case .socket(let path, let place), .folder(let path, let place):
            arguments += ["--bind", path, place]
        case .device(let path, let place):
            arguments += ["--dev-bind", path, place]
        case .memory(let place, let bytes):
            arguments += ["--perms", "0700", "--size", String(bytes), "--tmpfs", place]
        case .processes:
            // The host's root owns the kernel's switches below /proc/sys, and a sandbox that root
            // starts still has root's number: only the read-only mount stands before them.
            arguments += ["--proc", "/proc", "--remount-ro", "/proc"]
        case .descriptor(let raw, let place, let writable):
            arguments += [
                writable ? "--bind-fd" : "--ro-bind-fd", String(descriptors.count), place,
            ]
            descriptors.append(raw)
        }
    }
}

extension SandboxedProgram.Grant {
    fileprivate var isFolder: Bool {
        switch self {
        case .memory, .processes, .folder: true
        case .file, .descriptor, .socket, .device: false
        }
    }
}
