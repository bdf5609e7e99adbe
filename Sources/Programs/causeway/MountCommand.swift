import ArgumentParser
import FoundationEssentials
import Platform
import Sessions

/// `causeway mount`.
struct MountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Make a file system's files appear in a folder.",
        discussion: """
            Read-only unless you say otherwise, and then the source's bytes never change: not even \
            a dirty journal is replayed onto it (the replay goes to an overlay that is thrown away).

              causeway mount disk.img                 to a folder below ~/Causeway
              causeway mount disk.img /mnt/disk       to that folder, which must be empty
              causeway mount --write disk.img DIR     write to the source
              causeway mount --scratch disk.img DIR   write to an overlay; `commit` or `discard` it
              causeway mount --partition 2 /dev/sdb
              causeway mount --format qcow2 vm.qcow2  the disk in an image; also vmdk, vdi, vhdx …

            A disk with one usable file system just works; with several, all appear as folders \
            p1, p2 … The command returns when the folder is usable.
            """)

    @Argument(help: "An image file or a block device.", completion: .file())
    var source: String

    @Argument(
        help: "The folder to mount on; must be empty. Made below ~/Causeway where absent.",
        completion: .directory)
    var mountpoint: String?

    @Flag(help: "Write to the source itself.")
    var write = false

    @Flag(help: "Write to an overlay that is kept: see commit and discard.")
    var scratch = false

    @Option(help: "Use only this partition, by its number; 2.1 for a table inside partition 2.")
    var partition: String?

    @OptionGroup var image: FormatOption

    @Option(name: .customLong("type"), help: "Take it for this file system, such as ext4.")
    var fileSystem: String?

    @Option(help: "Hypervisor: uml, qemu, qemu-kvm, qemu-tcg. Default: the best that boots.")
    var via: String?

    @Flag(help: "Use this computer's own driver where it can: no guest, and no isolation.")
    var native = false

    @Option(help: "Guest memory in MiB.")
    var memory = SessionRequest.defaultMemoryMiB

    @Flag(help: "Show and set the owners that are on the disk, instead of showing you as owner.")
    var faithful = false

    @Flag(help: "Let other users of this computer enter the folder (needs user_allow_other).")
    var allowOther = false

    @Flag(help: "Print the session as JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "No progress line.")
    var quiet = false

    func validate() throws {
        guard !(write && scratch) else {
            throw ValidationError("Choose one of --write and --scratch.")
        }
        guard !(native && (scratch || via != nil)) else {
            throw ValidationError("--native goes without --scratch and --via.")
        }
        let memories = SessionRequest.memoryRange
        guard memories.contains(memory) else {
            throw ValidationError(
                "--memory takes \(memories.lowerBound) to \(memories.upperBound) MiB.")
        }
    }

    func run() throws {
        try Output.reporting(json: json) {
            let request = try makeRequest()
            let progress = ProgressLine(quiet: quiet || json)
            defer { progress.clear() }
            let client = SessionClient(registry: try Surroundings.registry)
            do {
                let record = try client.start(request) { progress.show($0) }
                progress.clear()
                try report(record)
            } catch {
                if request.removesMountpoint { try? Files.removeDirectory(request.mountpoint) }
                throw error
            }
        }
    }

    private func makeRequest() throws -> SessionRequest {
        let source = try MountTarget.source(source)
        let target = try MountTarget(source: source, mountpoint: mountpoint)
        var request = SessionRequest(
            source: source, mountpoint: target.path,
            mode: write ? .write : scratch ? .scratch : .readOnly,
            user: Host.user, group: Host.group, folders: Surroundings.folders)
        request.removesMountpoint = target.wasMade
        request.format = image.format
        request.partition = partition
        request.fileSystem = fileSystem
        request.hypervisor = via
        request.isNative = native
        request.memoryMiB = memory
        request.faithful = faithful
        request.allowOther = allowOther
        return request
    }

    private func report(_ record: SessionRecord) throws {
        if json { return try Output.json(record) }
        print(record.mountpoint)
        let types = record.volumes.map { volume in
            (volume.name.isEmpty ? "" : volume.name + ": ") + volume.type
                + (volume.stateReason.map { " (\($0))" } ?? "")
        }
        let took = record.phases.reduce(0) { $0 + $1.milliseconds }
        Output.complain(
            "session \(record.id): \(types.joined(separator: ", ")), \(record.mode.rawValue), "
                + "via \(record.hypervisor), usable after \(took) ms")
        if record.mode == .write, record.volumes.contains(where: \.readOnly) {
            Output.complain("note: the guest's driver can only read some of it")
        }
    }
}
