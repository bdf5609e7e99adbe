import ArgumentParser
import LocalDisk
import Platform
import Sessions
import Targets

/// `causeway export`.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Serve a source as a block device, to this computer or others.",
        discussion: """
            SOURCE is a disk, an image of any format, or a partition in one. Prints the URLs that \
            clients use, and goes on in the background; `causeway list` shows it, `causeway \
            unmount SOURCE` ends it. Read-only unless --write or --scratch is given.

            Listens on 127.0.0.1 unless told otherwise; beyond this computer only with a password \
            (iSCSI: --user) or TLS that knows its clients (NBD: --tls-psk or --tls-client-ca).

              causeway export disk.img --nbd                     a disk for this computer
              causeway export disk.qcow2 --format qcow2 --nbd --write
              causeway export disk.img --iscsi --listen 0.0.0.0:3260 --user eve \\
                --password-file secret                           a disk for others
              causeway export disk.qcow2 --format qcow2 --attach    a device such as /dev/nbd0
              causeway export disk.img --partition 2 --nbd --listen unix:/tmp/disk.sock
              causeway export disk.img --nbd --in-guest          clients speak to a machine
              sudo causeway export disk.img --aoe --interface eth1 --mac 52:54:00:12:34:56
            """)

    @Argument(help: "The disk, image or device.", completion: .file())
    var source: String

    @Flag(help: "Serve by iSCSI.")
    var iscsi = false

    @Flag(help: "Serve by NBD.")
    var nbd = false

    @Flag(help: "Serve by ATA over Ethernet; needs --interface, and root.")
    var aoe = false

    @Option(
        name: .long, defaultAsFlag: AttachChoice.best,
        help: ArgumentHelp(
            "Make a block device of this computer: nbd, iscsi, file, or the best that works.",
            valueName: "way"))
    var attach: AttachChoice?

    @Option(
        help: ArgumentHelp(
            "Where to listen: ADDRESS:PORT, [IPv6]:PORT or unix:PATH; `iscsi=` or `nbd=` before it "
                + "where both are served. May be given several times.", valueName: "address"))
    var listen: [String] = []

    @OptionGroup var guest: GuestOptions
    @OptionGroup var link: LinkOptions
    @OptionGroup var disk: DiskOptions
    @OptionGroup var access: AccessOptions

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print nothing but the URLs.")
    var quiet = false

    func validate() throws {
        guard iscsi || nbd || aoe || attach != nil else {
            throw ValidationError(
                "Choose how to serve it: --iscsi, --nbd, --aoe, --attach, or several.")
        }
        guard aoe == (link.interface != nil) else {
            throw ValidationError("--aoe and --interface belong together.")
        }
        guard !(disk.write && disk.scratch) else {
            throw ValidationError("--write and --scratch exclude each other.")
        }
        guard !guest.inGuest || !(aoe || attach != nil || disk.record != nil) else {
            throw ValidationError(
                "--in-guest serves by iSCSI and NBD: --aoe, --attach and --record are this "
                    + "computer's own.")
        }
        try access.check(iscsi: iscsi, nbd: nbd)
        guard iscsi || disk.iqn == nil else {
            throw ValidationError("--iqn names an iSCSI target: it needs --iscsi.")
        }
        _ = try endpoints()
    }

    func run() throws {
        try Output.reporting(json: json) {
            let request = try makeRequest()
            let progress = ProgressLine(quiet: quiet || json)
            defer { progress.clear() }
            let record = try SessionClient(registry: Surroundings.registry)
                .start(request) { progress.show($0) }
            progress.clear()
            if json { return try Output.json(record) }
            if let device = record.device { print(device.path) }
            for url in record.urls ?? [] { print(url) }
            if !quiet {
                if let note = record.device?.note { Output.complain("note: \(note)") }
                Output.complain(
                    "session \(record.id): \(record.mode.rawValue); "
                        + "`causeway unmount \(record.id)` ends it")
            }
        }
    }

    private func makeRequest() throws -> SessionRequest {
        var request = SessionRequest(
            source: try MountTarget.source(source), mountpoint: "", mode: disk.mode,
            user: Host.user, group: Host.group, folders: Surroundings.folders)
        request.partition = disk.partition
        request.hypervisor = guest.via
        request.memoryMiB = guest.memory ?? SessionRequest.defaultMemoryMiB
        var export = ExportRequest(endpoints: try endpoints())
        export.name = disk.name
        export.iscsiName = disk.iqn
        request.format = disk.image.format
        export.sectorSize = disk.sectorSize
        export.recording = try disk.record.map { try MountTarget.newFile($0) }
        export.access = try access.read()
        export.access.hosts = try link.hosts()
        export.answersEarly = link.answerEarly
        export.inGuest = guest.inGuest
        export.attach = attach.map { AttachRequest($0.way) }
        request.export = export
        return request
    }

    /// What to listen on: the addresses given, and each protocol's own where none is.
    private func endpoints() throws -> [ExportRequest.Endpoint] {
        let served = [iscsi ? ExportProtocol.iscsi : nil, nbd ? .nbd : nil].compactMap { $0 }
        let named = try listen.map { try Self.endpoint($0, served: served) }
        let unnamed = served.filter { wanted in !named.contains { $0.protocol == wanted } }
        let links = try link.endpoint().map { [$0] } ?? []
        return named + unnamed.map { ExportRequest.Endpoint($0) } + links
    }

    private static func endpoint(
        _ words: String, served: [ExportProtocol]
    ) throws -> ExportRequest.Endpoint {
        let parts = words.split(separator: "=", maxSplits: 1).map(String.init)
        let named = parts.count == 2 ? ExportProtocol(rawValue: parts[0]) : nil
        guard let address = ListenAddress(named == nil ? words : parts[1]) else {
            throw ValidationError(
                "\(words) is no address: ADDRESS:PORT, [IPv6]:PORT or unix:/PATH.")
        }
        guard let wanted = named ?? (served.count == 1 ? served.first : nil) else {
            throw ValidationError("Say what \(words) is for: iscsi=\(words) or nbd=\(words).")
        }
        guard wanted != .aoe else {
            throw ValidationError("AoE listens on an --interface, not on an address.")
        }
        guard served.contains(wanted) else {
            throw ValidationError("\(words) needs --\(wanted.rawValue).")
        }
        if case .unix = address, wanted == .iscsi {
            throw ValidationError("iSCSI has no Unix sockets: give ADDRESS:PORT.")
        }
        return ExportRequest.Endpoint(wanted, address)
    }
}
