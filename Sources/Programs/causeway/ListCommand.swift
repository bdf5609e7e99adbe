import ArgumentParser
import FoundationEssentials
import Platform
import Sessions

/// `causeway list`.
struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the running sessions.",
        discussion: """
            State `usable` is the ordinary one. `failed`: a part ended, the folder or the clients \
            get errors; `dead`: the session process is gone. Both go away with `causeway unmount`.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let records = try Output.reporting(json: json) { try Surroundings.registry.list() }
        if json { return try Output.json(["sessions": records]) }
        if records.isEmpty { return print("nothing is mounted or exported") }
        for record in records {
            let types =
                record.urls == nil
                ? record.volumes.map(\.type).joined(separator: "+") : "export"
            let exported = record.urls.map { (record.device.map { [$0.path] } ?? []) + $0 }
            let place = exported?.joined(separator: " ") ?? record.mountpoint
            print(
                "\(record.id)  \(record.state.rawValue)  \(record.mode.rawValue)  \(types)  "
                    + "\(record.source) -> \(place)")
            if let failure = record.failure { print("    \(failure)") }
        }
    }
}

/// `causeway logs`.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show a session's log: its own notes and the guest's console.",
        discussion: "Logs of sessions that failed are kept for a while after they end.")

    @Argument(help: "The session's name, folder or source; without it, whose logs there are.")
    var target: String?

    @Flag(help: "The guest kernel's own log, of a running session.")
    var kernel = false

    func run() throws {
        try Output.reporting(json: false) {
            let registry = try Surroundings.registry
            let logs = SessionLogs(folders: registry.folders)
            guard let target else {
                for record in registry.list() { print("\(record.id)  \(record.state.rawValue)") }
                for id in logs.failed() { print("\(id)  ended") }
                return
            }
            let record = registry.find(target)
            if kernel, let record {
                let lines = try SessionClient(registry: registry).kernelLog(record)
                return print(lines.joined(separator: "\n"))
            }
            guard let text = logs.text(of: record?.id ?? target) else {
                throw SessionError(
                    .session, "there is no log of \(target)",
                    remedy: "`causeway logs` lists the sessions that have one.")
            }
            print(text, terminator: "")
        }
    }
}
