import FoundationEssentials
import Platform

/// Where Causeway keeps its files, all private to the user.
public struct CausewayFolders: Codable, Sendable, Equatable {
    /// Sockets and records of running sessions; lost at reboot: `$XDG_RUNTIME_DIR/causeway`.
    public var runtime: String
    /// The appliance: `$XDG_DATA_HOME/causeway`.
    public var data: String
    /// Overlays and logs: `$XDG_STATE_HOME/causeway`.
    public var state: String
    /// What can be made again: `$XDG_CACHE_HOME/causeway`.
    public var cache: String

    /// Reads the places out of an environment, by the XDG Base Directory Specification.
    ///
    /// `CAUSEWAY_APPLIANCE`, where set, names the appliance's folder instead.
    public init(environment: [String: String], user: UInt32) {
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "/nonexistent"
        func place(_ name: String, _ fallback: String) -> String {
            let value = environment[name] ?? ""
            return (value.hasPrefix("/") ? value : fallback) + "/causeway"
        }
        let runtimeBase = environment["XDG_RUNTIME_DIR"] ?? ""
        runtime =
            runtimeBase.hasPrefix("/") && Files.isWritable(runtimeBase)
            ? runtimeBase + "/causeway" : "/tmp/causeway-\(user)"
        data = place("XDG_DATA_HOME", home + "/.local/share")
        state = place("XDG_STATE_HOME", home + "/.local/state")
        cache = place("XDG_CACHE_HOME", home + "/.cache")
        applianceOverride = environment["CAUSEWAY_APPLIANCE"]
    }

    private var applianceOverride: String?

    /// The appliance's folder.
    public var appliance: String { applianceOverride ?? data + "/appliance" }
    /// One folder for each running session.
    public var sessions: String { runtime + "/sessions" }
    /// Kept overlays of `--scratch`.
    public var overlays: String { state + "/overlays" }
    /// What the hypervisors' self-tests proved.
    public var hypervisorMemory: String { cache + "/hypervisors" }

    /// Makes the runtime folder, and makes sure that it is ours alone.
    public func prepareRuntime(user: UInt32) throws(SessionError) {
        let remedy = "Set XDG_RUNTIME_DIR to a private folder."
        try SessionError.wrap(.host, "cannot make \(runtime)", remedy: remedy, exit: .environment) {
            () throws(SystemError) in try Files.makeDirectories(runtime, mode: 0o700)
        }
        try checkRuntime(user: user)
        try SessionError.wrap(.host, "cannot make \(sessions)", remedy: remedy, exit: .environment)
        {
            () throws(SystemError) in try Files.makeDirectories(sessions, mode: 0o700)
        }
    }

    /// Refuses a runtime folder that is there and not ours alone.
    ///
    /// Below /tmp another user may have made it beforehand; what lies in it would be that user's
    /// word on which processes and files are ours. One that passes stays ours: only its owner can
    /// put another in its place.
    public func checkRuntime(user: UInt32) throws(SessionError) {
        guard let status = try? Files.status(runtime, followLinks: false) else { return }
        guard status.kind == .directory, status.user == user, status.mode & 0o077 == 0 else {
            throw SessionError(
                .host, "\(runtime) is not a private folder of this user",
                remedy: "Remove it, or set XDG_RUNTIME_DIR to a private folder.",
                exit: .environment)
        }
    }
}
