import ArgumentParser
import FoundationEssentials
import Platform
import Sessions

/// The root command.
struct CausewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causeway",
        abstract: "Read and write file systems that this computer cannot mount itself.",
        discussion: """
            Causeway boots a small virtual machine that has the drivers, and gives you a folder. \
            No root is needed, the source is never changed unless you say so, and nothing foreign \
            is parsed by this computer's kernel.

            A first tour:
              causeway probe disk.img            what is on it, and how it would be reached
              causeway mount disk.img            mount it read-only; prints the folder
              causeway list                      what is mounted
              causeway unmount disk.img          detach, with a receipt
              causeway mount --write disk.img    write to it
              causeway mount --scratch disk.img  try changes; then commit or discard them
              causeway export --nbd disk.img     serve it as a block device; prints the URL
              causeway cp disk.img:/etc/fstab .  fetch a file without mounting

            Exit codes: 0 done, 1 failed, 3 the source is unusable, 4 not supported, 5 busy, \
            6 this host lacks something, 7 the guest could not, 64 wrong usage, 130 interrupted.
            """,
        version: CausewayVersion.text,
        subcommands: [
            ProbeCommand.self, MountCommand.self, ExportCommand.self, UnmountCommand.self,
            ListCommand.self,
            LogsCommand.self, LsCommand.self, CatCommand.self, CpCommand.self,
            CommitCommand.self, DiscardCommand.self, HypervisorsCommand.self,
            ApplianceCommand.self,
        ])
}

/// The program's version.
enum CausewayVersion {
    static let text = "0.1.0"
}

/// The folders and the registry of whoever runs the program.
enum Surroundings {
    /// Where Causeway keeps its files, by the environment.
    static var folders: CausewayFolders {
        CausewayFolders(environment: ProcessInfo.processInfo.environment, user: Host.user)
    }

    /// The running sessions; throws where another user could have written their records.
    static var registry: SessionRegistry {
        get throws {
            let folders = folders
            try folders.checkRuntime(user: Host.user)
            return SessionRegistry(folders: folders)
        }
    }
}
