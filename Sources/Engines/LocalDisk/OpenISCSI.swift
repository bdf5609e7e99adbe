import Platform

/// open-iscsi's tools, and what the kernel's tables say of its sessions.
enum OpenISCSI {
    /// Where open-iscsi keeps its records, by distribution.
    private static let records = ["/etc/iscsi/nodes", "/var/lib/iscsi/nodes"]
    private static let sessionFolder = "/sys/class/iscsi_session"
    /// A login or logout, in milliseconds.
    private static let limit: Int32 = 60_000

    /// Makes sure that there are tools, a module and a daemon; whether the daemon is a new process
    /// that nobody else governs.
    static func prepare() throws(AttachError) -> Bool {
        guard KernelModule.program("iscsiadm") != nil else {
            throw AttachError(
                .lacking, "open-iscsi's iscsiadm is not installed",
                remedy: "Install the package open-iscsi.")
        }
        for module in ["iscsi_tcp", "sd_mod"] where !isThere(module) {
            guard let refusal = KernelModule.load(module) else { continue }
            throw AttachError(
                .lacking, "this kernel has no iSCSI initiator (module \(module)): \(refusal)",
                remedy: "Install the modules of the running kernel (\(Kernel.release())).")
        }
        return try startDaemon()
    }

    private static func isThere(_ module: String) -> Bool {
        Files.exists(
            module == "sd_mod" ? "/sys/bus/scsi/drivers/sd" : "/sys/class/iscsi_transport/tcp")
    }

    /// Starts iscsid where it does not run: by systemd where that governs, else by itself.
    private static func startDaemon() throws(AttachError) -> Bool {
        if isRunning { return false }
        var words = "it does not answer"
        var isOurs = false
        if Files.exists("/run/systemd/system"), let systemctl = KernelModule.program("systemctl") {
            words = (try? tool(systemctl, ["start", "iscsid"])) ?? words
        } else if let daemon = KernelModule.program("iscsid") {
            words = (try? tool(daemon, [])) ?? words
            isOurs = true
        } else {
            words = "there is no iscsid"
        }
        let deadline = Clock.milliseconds() + 5000
        while !isRunning {
            guard Clock.milliseconds() < deadline else {
                throw AttachError(
                    .lacking, "open-iscsi's daemon iscsid cannot be started: \(words)",
                    remedy: "`systemctl start iscsid` says more.")
            }
            Clock.sleep(milliseconds: 50)
        }
        return isOurs
    }

    /// Ends the daemon, where no session needs it.
    static func stopDaemon() {
        guard ((try? Files.list(sessionFolder)) ?? []).isEmpty,
            let program = KernelModule.program("iscsiadm")
        else { return }
        _ = try? tool(program, ["--killiscsid", "0"])
    }

    /// Whether somebody listens where iscsiadm looks for iscsid: an abstract Unix socket.
    private static var isRunning: Bool {
        let sockets = (try? Files.readText("/proc/net/unix")) ?? ""
        return sockets.split(separator: "\n").contains {
            $0.hasSuffix("@ISCSIADM_ABSTRACT_NAMESPACE")
        }
    }

    /// Runs iscsiadm on one target.
    static func run(
        _ target: String, _ portal: String, _ words: [String]
    ) throws(AttachError) {
        guard let program = KernelModule.program("iscsiadm") else {
            throw AttachError(
                .lacking, "open-iscsi's iscsiadm is not installed",
                remedy: "Install the package open-iscsi.")
        }
        let complaint = try tool(
            program, ["--mode", "node", "--targetname", target, "--portal", portal] + words)
        if let complaint {
            throw AttachError(
                .failed, "iscsiadm \(words[0]): \(complaint)",
                remedy: "`journalctl -u iscsid` says more.")
        }
    }

    /// Runs a program; its first words where it fails, else nil.
    private static func tool(
        _ path: String, _ arguments: [String]
    ) throws(AttachError) -> String? {
        try AttachError.wrap(.failed, "cannot run \(path)") { () throws(SystemError) in
            let (end, output) = try ChildProcess.run(
                SpawnOptions(path: path, arguments: arguments), mergeErrors: true,
                outputLimit: 1 << 16, milliseconds: limit)
            if end.isSuccess { return nil }
            let lines = String(decoding: output, as: UTF8.self).split(separator: "\n")
            let complaints = lines.filter { $0.hasPrefix("iscsiadm:") }.map { $0.dropFirst(10) }
            return complaints.isEmpty
                ? KernelModule.firstLine(output) ?? "\(end)" : complaints.joined(separator: "; ")
        }
    }

    /// Makes open-iscsi's record of a target, with the secret in it.
    ///
    /// The secret goes from file to file: as an argument everybody could read it.
    static func makeRecord(_ login: KernelISCSI.Login) throws(AttachError) {
        try run(login.target, login.portal, ["--op", "new"])
        guard let path = recordFile(login.target) else {
            throw AttachError(
                .failed, "open-iscsi keeps its records where they are not found",
                remedy: "Known places: \(records.joined(separator: ", ")).")
        }
        try AttachError.wrap(.failed, "cannot complete \(path)") { () throws(SystemError) in
            let text = try Files.readText(path, limit: 1 << 20)
            try Files.replace(path, with: Array(completed(text, login).utf8))
        }
    }

    /// A record with the login's values in place of those that it had.
    static func completed(_ record: String, _ login: KernelISCSI.Login) -> String {
        let values = [
            ("node.startup", "manual"),
            ("node.session.auth.authmethod", "CHAP"),
            ("node.session.auth.username", login.user),
            ("node.session.auth.password", login.secret),
            ("node.session.timeo.replacement_timeout", "\(KernelISCSI.replacementSeconds)"),
            ("node.conn[0].timeo.noop_out_interval", "5"),
            ("node.conn[0].timeo.noop_out_timeout", "5"),
            ("node.session.initial_login_retry_max", "2"),
        ]
        var lines = record.split(separator: "\n").map(String.init)
        lines.removeAll { line in
            let name = line.prefix { $0 != " " && $0 != "=" }
            return values.contains { $0.0 == name }
        }
        let end = lines.lastIndex { $0.hasPrefix("# END RECORD") } ?? lines.count
        lines.insert(contentsOf: values.map { "\($0.0) = \($0.1)" }, at: end)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The file of a target's only record.
    private static func recordFile(_ target: String) -> String? {
        for folder in records.map({ "\($0)/\(target)" }) {
            for name in (try? Files.list(folder)) ?? [] {
                let path = "\(folder)/\(name)"
                for candidate in [path, "\(path)/default"] {
                    if (try? Files.status(candidate, followLinks: false).kind) == .file {
                        return candidate
                    }
                }
            }
        }
        return nil
    }

    /// Ends whatever there is of a target.
    static func forget(_ target: String, _ portal: String) {
        if !sessions(of: target).isEmpty { try? run(target, portal, ["--logout"]) }
        try? run(target, portal, ["--op", "delete"])
    }

    /// The kernel's sessions with a target: `session3`.
    static func sessions(of target: String) -> [String] {
        ((try? Files.list(sessionFolder)) ?? []).filter { name in
            let path = "\(sessionFolder)/\(name)/targetname"
            let text = (try? Files.readText(path, limit: 512)) ?? ""
            return text.prefix { $0 != "\n" } == target
        }
    }

    /// The names of the disks of a target: `sdb`.
    static func disks(of target: String) -> [String] {
        sessions(of: target).flatMap { session -> [String] in
            let device = "\(sessionFolder)/\(session)/device"
            let targets = ((try? Files.list(device)) ?? []).filter { $0.hasPrefix("target") }
            return targets.flatMap { target -> [String] in
                let units = ((try? Files.list("\(device)/\(target)")) ?? []).filter {
                    $0.split(separator: ":").count == 4
                }
                return units.flatMap { unit in
                    (try? Files.list("\(device)/\(target)/\(unit)/block")) ?? []
                }
            }
        }
    }
}
