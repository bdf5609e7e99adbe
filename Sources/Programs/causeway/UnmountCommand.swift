import ArgumentParser
import Platform
import Sessions

/// `causeway unmount`.
struct UnmountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unmount",
        abstract: "Detach a session, and say what proved that it is safe.",
        discussion: """
            Returns when everything is on the source: the guest's file system is unmounted, its \
            disk flushed, the virtual machine gone, the source synced and its lock released. The \
            receipt lists each step. A busy folder is an error that names the processes.
            """,
        aliases: ["umount"])

    @Argument(
        help: "The folder, the session's name, the source, or an export's URL.",
        completion: .file())
    var target: String

    @Flag(help: "Cut off whoever uses the folder, and do not wait long for anything.")
    var force = false

    @Flag(help: "Print the receipt as JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print nothing where all is well.")
    var quiet = false

    func run() throws {
        try Output.reporting(json: json) {
            let registry = try Surroundings.registry
            guard let record = registry.find(target) else {
                throw SessionError(
                    .session, "nothing of yours is mounted on, named or made from \(target)",
                    remedy: "`causeway list` shows what is.")
            }
            let progress = ProgressLine(quiet: quiet || json)
            defer { progress.clear() }
            let receipt = try SessionClient(registry: registry)
                .unmount(record, force: force) { progress.show("detach: \($0)") }
            progress.clear()
            if json {
                try Output.json(receipt)
            } else if !quiet || !receipt.isClean {
                print(receipt.text)
            }
            if !receipt.isClean { throw ExitCode(CausewayExit.failure) }
        }
    }
}
