public import Catalogue
import Platform

/// What this host offers this user for mounting things itself.
public struct HostFacts: Sendable {
    /// Block file systems registered with the kernel (/proc/filesystems).
    public var registered: Set<String>
    /// Kernel modules that could be loaded or are built in, by name without suffix; nil where
    /// this kernel has no module tree.
    public var modules: Set<String>?
    /// Modules that the host's configuration refuses to load.
    public var refusedModules: Set<String>
    /// The kernel's release.
    public var kernelRelease: String
    /// Programs by name: mount helpers and FUSE programs that are installed, with their paths.
    public var programs: [String: String]
    /// Effective user id.
    public var user: UInt32
    /// Whether this process may mount block file systems: CAP_SYS_ADMIN, outside any user
    /// namespace.
    public var mayMount: Bool
    /// Whether this process may make loop devices.
    public var mayLoop: Bool
    /// Whether this process may mount FUSE file systems: /dev/fuse can be opened, and fusermount3
    /// is installed or the process may mount.
    public var mayFUSE: Bool

    /// Makes facts; for tests.
    public init(
        registered: Set<String>, modules: Set<String>?, refusedModules: Set<String> = [],
        kernelRelease: String, programs: [String: String], user: UInt32, mayMount: Bool,
        mayLoop: Bool, mayFUSE: Bool
    ) {
        self.registered = registered
        self.modules = modules
        self.refusedModules = refusedModules
        self.kernelRelease = kernelRelease
        self.programs = programs
        self.user = user
        self.mayMount = mayMount
        self.mayLoop = mayLoop
        self.mayFUSE = mayFUSE
    }

    /// Folders in which mount helpers and FUSE programs live.
    private static let programFolders = [
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    ]

    /// Gathers the facts of this host, now, for this user, from /proc and a few folders.
    public static func gather(catalogue: Catalogue = .standard) -> HostFacts {
        let release = text("/proc/sys/kernel/osrelease").split(separator: "\n").first ?? ""
        let wanted = Set(
            catalogue.fileSystems.flatMap { entry in
                entry.host.fuse.map(\.program) + entry.host.kernel.map { "mount.\($0)" }
            } + ["fusermount3", "fusermount"])
        let programs = find(wanted)
        let mayMount = hasSystemAdministration()
        let hasFUSEHelper = programs["fusermount3"] != nil || programs["fusermount"] != nil
        return HostFacts(
            registered: registered(text("/proc/filesystems")),
            modules: modules(release: String(release)), refusedModules: refusedModules(),
            kernelRelease: String(release), programs: programs, user: Host.user,
            mayMount: mayMount,
            mayLoop: mayMount && Files.isWritable("/dev/loop-control"),
            mayFUSE: Files.isReadable("/dev/fuse") && Files.isWritable("/dev/fuse")
                && (hasFUSEHelper || mayMount))
    }

    private static func text(_ path: String) -> String {
        (try? Files.readText(path, limit: 4 << 20)) ?? ""
    }

    /// Names that need a block device: lines of /proc/filesystems without `nodev`.
    static func registered(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                guard line.first == "\t" else { return nil }
                return String(line.dropFirst())
            })
    }

    private static func modules(release: String) -> Set<String>? {
        let folder = ["/lib/modules/\(release)", "/usr/lib/modules/\(release)"].first {
            Files.exists("\($0)/modules.dep") || Files.exists("\($0)/modules.builtin")
        }
        guard let folder else { return nil }
        return moduleNames(text("\(folder)/modules.dep"))
            .union(moduleNames(text("\(folder)/modules.builtin")))
    }

    /// Module names in the lines of modules.dep or modules.builtin.
    static func moduleNames(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                let path = line.prefix { $0 != ":" }
                let file = path.split(separator: "/").last ?? path
                let name = file.prefix { $0 != "." }
                return name.isEmpty ? nil : String(name.replacing("-", with: "_"))
            })
    }

    /// Modules that a `blacklist NAME` or `install NAME /bin/false` line refuses.
    private static func refusedModules() -> Set<String> {
        var refused: Set<String> = []
        for folder in ["/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d"] {
            for name in ((try? Files.list(folder)) ?? []).prefix(256) where name.hasSuffix(".conf")
            {
                refused.formUnion(refusedModules(text("\(folder)/\(name)")))
            }
        }
        return refused
    }

    /// Modules that the lines of one configuration file refuse.
    static func refusedModules(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
                guard words.count >= 2 else { return nil }
                let isRefused =
                    words[0] == "blacklist"
                    || (words[0] == "install" && words.count >= 3
                        && (words[2].hasSuffix("/false") || words[2].hasSuffix("/true")))
                return isRefused ? String(words[1].replacing("-", with: "_")) : nil
            })
    }

    private static func find(_ names: Set<String>) -> [String: String] {
        var found: [String: String] = [:]
        for name in names {
            let path = programFolders.lazy.map { "\($0)/\(name)" }.first(where: Files.isExecutable)
            if let path { found[name] = path }
        }
        return found
    }

    private static func hasSystemAdministration() -> Bool {
        let own = text("/proc/self/uid_map").split(whereSeparator: { $0 == " " || $0 == "\n" })
        // The initial user namespace maps every id to itself.
        guard own == ["0", "0", "4294967295"] else { return false }
        return capabilities(text("/proc/self/status")) & (1 << 21) != 0
    }

    /// The effective capabilities in the text of /proc/PID/status; CAP_SYS_ADMIN is bit 21.
    static func capabilities(_ status: String) -> UInt64 {
        for line in status.split(separator: "\n") where line.hasPrefix("CapEff:") {
            let digits = line.dropFirst(7).drop { $0 == "\t" || $0 == " " }
            return UInt64(digits, radix: 16) ?? 0
        }
        return 0
    }
}
