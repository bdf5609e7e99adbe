import Platform

/// The logs of sessions, running and failed.
public struct SessionLogs: Sendable {
    /// How many logs of failed sessions are kept.
    static let kept = 20
    private let folders: CausewayFolders

    /// The logs in these folders.
    public init(folders: CausewayFolders) { self.folders = folders }

    /// A session's log: the running one's, or that of a failed one that has ended.
    public func text(of id: String) -> String? {
        if let text = try? Files.readText("\(folders.sessions)/\(id)/log") { return text }
        let folder = "\(folders.state)/logs"
        let name = ((try? Files.list(folder)) ?? []).sorted().last { $0.hasSuffix("-\(id).log") }
        return name.flatMap { try? Files.readText("\(folder)/\($0)") }
    }

    /// Names of the failed sessions whose logs are kept, oldest first.
    public func failed() -> [String] {
        ((try? Files.list("\(folders.state)/logs")) ?? []).sorted().compactMap { name in
            guard let dash = name.firstIndex(of: "-"), name.hasSuffix(".log") else { return nil }
            return String(name[name.index(after: dash)...].dropLast(4))
        }
    }
}
