import Platform

extension Sandbox {
    /// Switches of the host that forbid an ordinary user what the sandbox needs.
    struct Switches: Sendable, Equatable {
        /// `kernel.unprivileged_userns_clone` (Debian's kernels); nil where there is none.
        var unprivilegedClone: Int?
        /// `user.max_user_namespaces`.
        var maximum: Int?

        /// Reads them.
        static func current() -> Switches {
            Switches(
                unprivilegedClone: number("/proc/sys/kernel/unprivileged_userns_clone"),
                maximum: number("/proc/sys/user/max_user_namespaces"))
        }

        /// The switch that forbids it to a user; nil where none does.
        func obstacle(user: UInt32) -> SandboxError? {
            if maximum == 0 {
                return .userNamespacesOff(switch: "user.max_user_namespaces", needs: "15000")
            }
            if unprivilegedClone == 0 && user != 0 {
                return .userNamespacesOff(switch: "kernel.unprivileged_userns_clone", needs: "1")
            }
            return nil
        }

        static func number(_ path: String) -> Int? {
            guard let text = try? Files.readText(path, limit: 64) else { return nil }
            return Int(text.prefix { $0.isNumber })
        }
    }

    /// Throws where a switch forbids user namespaces.
    static func checkSwitches() throws(SandboxError) {
        if let obstacle = Switches.current().obstacle(user: Host.user) { throw obstacle }
    }

    /// Throws where something that every sandbox needs is known to be missing; starts nothing.
    public static func checkInstalled() throws(SandboxError) {
        try checkSwitches()
        guard bubblewrapPaths.contains(where: Files.isExecutable) else { throw .bubblewrapMissing }
    }

    /// Why sandboxes do not start on this host; nil where one does.
    ///
    /// Blocks for some milliseconds: starts bubblewrap once, with a program that does nothing.
    public static func diagnose() -> SandboxError? {
        do {
            try checkSwitches()
            guard let bubblewrap = bubblewrapPaths.first(where: Files.isExecutable) else {
                return .bubblewrapMissing
            }
            let (lifeline, writer) = try Descriptors.pipe()
            var line = CommandLine(descriptors: [-1, -1, -1, writer.raw], asRoot: Host.user == 0)
            let folder = try Files.open("/usr", [.readOnly, .directory])
            line.add(.descriptor(folder.raw, at: "/usr", writable: false))
            line.add(.processes)
            let arguments =
                line.arguments + [
                    "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--",
                    "/usr/bin/true",
                ]
            let (end, output) = try withExtendedLifetime((folder, lifeline)) {
                () throws(SystemError) in
                try ChildProcess.run(
                    SpawnOptions(
                        path: bubblewrap, arguments: arguments, environment: [],
                        descriptors: line.descriptors),
                    mergeErrors: true, outputLimit: 4096, milliseconds: 10_000)
            }
            return end.isSuccess
                ? nil
                : explain(
                    String(decoding: output, as: UTF8.self),
                    restricted: Switches.number(
                        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        } catch let error as SandboxError {
            return error
        } catch let error as SystemError {
            return .system(error)
        } catch { return .refused("\(error)") }
    }

    /// Bubblewrap's complaint as an error of ours.
    static func explain(_ words: String, restricted: Bool) -> SandboxError {
        if words.contains("Unknown option --ro-bind-fd")
            || words.contains("Unknown option --bind-fd")
        {
            return .bubblewrapTooOld
        }
        let denied = words.contains("Permission denied") || words.contains("not permitted")
        if restricted && denied {
            return .userNamespacesOff(
                switch: "kernel.apparmor_restrict_unprivileged_userns", needs: "0")
        }
        let first = words.split(separator: "\n").first.map(String.init) ?? "nothing"
        return .refused(first)
    }
}
