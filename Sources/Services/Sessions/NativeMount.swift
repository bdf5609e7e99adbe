import Catalogue
import Inspection
import Platform
import StorageDaemon

/// A mount by the host's own driver, on the user's request: no guest, no overlay, no isolation.
enum NativeMount {
    /// What `SessionRecord.hypervisor` says of such a session.
    static let name = "host"

    private static let programs = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]

    /// Mounts a volume; blocks for as long as the driver takes, at most five minutes.
    static func mount(_ volume: Volume, request: SessionRequest) throws(SessionError) {
        guard request.mode != .scratch else {
            throw SessionError(
                .host, "the host's own driver knows no overlay",
                remedy: "Leave --native or --scratch out.", exit: .notSupported)
        }
        guard request.format == .raw else {
            throw SessionError(
                .host, "the host's own driver opens no images in format \(request.format.rawValue)",
                remedy: "Leave --native out: the guest can.", exit: .notSupported)
        }
        let kind = try SessionError.wrap(.source, "cannot examine \(request.source)") {
            () throws(SystemError) in try Files.status(request.source).kind
        }
        let verdict = HostSupport(facts: .gather()).verdict(volume.fileSystem, source: kind)
        guard verdict.answer == .supported, let method = verdict.method else {
            throw SessionError(
                .host, "the host cannot mount it itself: \(verdict.reason)",
                remedy: "Leave --native out: the guest can.", exit: .notSupported)
        }
        switch method {
        case .kernel(let type):
            try run(
                "mount", ["-t", type, "-o", options(volume, kind, request)] + places(request))
        case .fuse(let program):
            guard volume.partition == .whole else {
                throw SessionError(
                    .host, "\(program) cannot be given a partition of an image",
                    remedy: "Leave --native out: the guest can.", exit: .notSupported)
            }
            let access = request.mode == .write ? "rw" : "ro"
            try run(program, ["-o", access] + places(request))
        }
    }

    /// Unmounts; fails where the folder is busy, unless `lazy`.
    static func unmount(_ mountpoint: String, lazy: Bool) throws(SessionError) {
        try run("umount", (lazy ? ["-l"] : []) + ["--", mountpoint])
    }

    private static func options(
        _ volume: Volume, _ kind: FileKind, _ request: SessionRequest
    ) -> String {
        var words = [request.mode == .write ? "rw" : "ro", "nosuid", "nodev"]
        if kind == .file || volume.partition != .whole {
            words += ["loop", "offset=\(volume.offset)", "sizelimit=\(volume.length)"]
        }
        return words.joined(separator: ",")
    }

    private static func places(_ request: SessionRequest) -> [String] {
        [request.source, request.mountpoint]
    }

    private static func run(_ name: String, _ arguments: [String]) throws(SessionError) {
        guard let path = programs.map({ "\($0)/\(name)" }).first(where: Files.isExecutable) else {
            throw SessionError(
                .host, "\(name) is not installed", remedy: "Leave --native out.",
                exit: .environment)
        }
        let (end, output): (ProcessEnd, [UInt8])
        do {
            (end, output) = try ChildProcess.run(
                SpawnOptions(path: path, arguments: arguments), mergeErrors: true,
                milliseconds: 300_000)
        } catch {
            throw SessionError(.host, "\(name): \(error)", remedy: "", exit: .environment)
        }
        guard end.isSuccess else {
            throw SessionError(
                .host, "\(name) failed (\(end))", remedy: "Without --native the guest does it.",
                details: String(decoding: output.suffix(1000), as: UTF8.self)
                    .split(separator: "\n").map(String.init))
        }
    }
}

extension Session {
    /// Mounts the one chosen volume by the host's own driver.
    func attachNative(announce: @escaping Announcement) throws(SessionError) {
        var clock = PhaseClock(announce: announce)
        try clock.begin("inspect")
        let volumes = try findVolumes()
        guard let volume = volumes.first, volumes.count == 1 else {
            throw SessionError(
                .partition, "the source has \(volumes.count) file systems",
                remedy: "Choose one with --partition: "
                    + volumes.map { "\($0.partition) (\($0.fileSystem.title))" }
                    .joined(separator: ", "), exit: .sourceUnusable)
        }
        try clock.begin("mount")
        try claimMountpoint()
        try NativeMount.mount(volume, request: request)
        clock.end()
        noteMounted()
        record.hypervisor = NativeMount.name
        record.volumes = [
            SessionRecord.Volume(
                name: "", partition: volume.partition.description, type: volume.fileSystem.name,
                driver: NativeMount.name, readOnly: request.mode != .write,
                stateBefore: volume.finding.state.rawValue,
                stateReason: volume.finding.stateReason)
        ]
        record.phases = clock.phases
        record.state = .usable
        publish()
    }
}
