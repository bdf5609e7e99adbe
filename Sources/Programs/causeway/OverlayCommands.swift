import ArgumentParser
import Platform
import Sessions

/// `causeway commit`.
struct CommitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commit", abstract: "Write a scratch overlay's changes to its source.",
        discussion: """
            The source must not be mounted. The overlay is gone afterwards.

            Cut short, it can be run again, and goes on; until then the source is neither what it \
            was nor what it is to be, and cannot be used for anything else.
            """)

    @Argument(help: "The source that was mounted with --scratch.", completion: .file())
    var source: String

    @Flag(help: "Go on with a commit that was cut short, though the file seems another one.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try Output.reporting(json: json) {
            let path = try MountTarget.source(source)
            let progress = ProgressLine(quiet: json)
            defer { progress.clear() }
            let bytes = try OverlayWork(registry: Surroundings.registry)
                .commit(source: path, force: force) { progress.show($0) }
            progress.clear()
            if json {
                try Output.json(["committedBytes": bytes])
            } else {
                print("\(path): the overlay's changes are written and synced (\(bytes) bytes)")
            }
        }
    }
}

/// `causeway discard`.
struct DiscardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Throw a scratch overlay away; the source stays as it was.")

    @Argument(help: "The source that was mounted with --scratch.", completion: .file())
    var source: String

    @Flag(help: "Also where a commit was cut short: the source stays half-way.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try Output.reporting(json: json) {
            // The source itself may be gone by now; the overlay still has to be removable.
            let path = SessionRegistry.absolute(source)
            try OverlayWork(registry: Surroundings.registry).discard(source: path, force: force)
            if json {
                try Output.json(["discarded": path])
            } else {
                print("\(path): the overlay is thrown away")
            }
        }
    }
}
