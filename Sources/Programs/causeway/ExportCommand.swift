import ArgumentParser
import FoundationEssentials
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
        request.memoryMiB = guest.memory
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

/// Who opens the source and speaks with clients.
struct GuestOptions: ParsableArguments {
    @Flag(help: "Serve from inside a virtual machine: slower, and nothing of clients is read here.")
    var inGuest = false

    @Option(help: "The hypervisor of --in-guest: uml, qemu, qemu-kvm or qemu-tcg.")
    var via: String?

    @Option(help: "Guest memory of --in-guest, in MiB.")
    var memory = SessionRequest.defaultMemoryMiB

    func validate() throws {
        guard inGuest || via == nil else { throw ValidationError("--via needs --in-guest.") }
        guard (64...65_536).contains(memory) else {
            throw ValidationError("--memory takes 64 to 65536 MiB.")
        }
    }
}

/// How `--attach` makes a device.
enum AttachChoice: String, ExpressibleByArgument, CaseIterable {
    case best, nbd, iscsi, file

    /// The way; nil for the first that works.
    var way: AttachWay? { AttachWay(rawValue: rawValue) }
}

/// What is served, and whether it may change.
struct DiskOptions: ParsableArguments {
    @Flag(help: "Clients may write to the source.")
    var write = false

    @Flag(help: "Clients may write; it goes to an overlay, for commit, discard or a later use.")
    var scratch = false

    @Option(help: "Serve this partition alone, such as 2 or 2.1.")
    var partition: String?

    @OptionGroup var image: FormatOption

    @Option(help: "The export's name; the source's own without it.")
    var name: String?

    @Option(help: "The iSCSI target's name; made from the export's without it.")
    var iqn: String?

    @Option(help: "Sector size that clients are told: 512 or 4096; the source's own without it.")
    var sectorSize: UInt32?

    @Option(
        help: ArgumentHelp(
            "A new file that takes every write and flush in its order, for crash replay.",
            valueName: "file"), completion: .file())
    var record: String?

    /// What happens to writes.
    var mode: WriteMode { write ? .write : scratch ? .scratch : .readOnly }

    func validate() throws {
        if let sectorSize, ![512, 4096].contains(sectorSize) {
            throw ValidationError("--sector-size is 512 or 4096.")
        }
        guard record == nil || mode != .readOnly else {
            throw ValidationError("--record needs --write or --scratch: else nothing is written.")
        }
        if let name, name.isEmpty || name.utf8.count > 255 || name.utf8.contains(0) {
            throw ValidationError("--name has 1 to 255 bytes.")
        }
    }
}

/// Who may attach.
///
/// Secrets come from files, never from arguments.
struct AccessOptions: ParsableArguments {
    @Option(help: "iSCSI: the user that initiators prove they are, by CHAP.")
    var user: String?

    @Option(help: "A file whose first line is that user's password, 12 to 255 bytes.")
    var passwordFile: String?

    @Option(help: "iSCSI: who the target proves it is, to initiators that ask.")
    var targetUser: String?

    @Option(help: "A file whose first line is the target's password; differs from the user's.")
    var targetPasswordFile: String?

    @Option(help: "iSCSI: only this initiator may log in. May be given several times.")
    var initiator: [String] = []

    @Option(help: "NBD: the server's certificate chain (PEM); clients must use TLS.")
    var tlsCertificate: String?

    @Option(help: "NBD: its private key (PEM).")
    var tlsKey: String?

    @Option(help: "NBD: the authority (PEM) that clients' certificates must come from.")
    var tlsClientCA: String?

    @Option(help: "NBD: a file of keys shared beforehand, `user:hexkey` lines, for clients.")
    var tlsPSK: String?

    func validate() throws {
        guard (user == nil) == (passwordFile == nil) else {
            throw ValidationError("--user and --password-file belong together.")
        }
        guard (targetUser == nil) == (targetPasswordFile == nil), targetUser == nil || user != nil
        else {
            throw ValidationError(
                "--target-user and --target-password-file belong together, and to --user.")
        }
        guard (tlsCertificate == nil) == (tlsKey == nil),
            tlsClientCA == nil || tlsCertificate != nil
        else { throw ValidationError("--tls-certificate and --tls-key belong together.") }
        guard tlsPSK == nil || tlsCertificate == nil else {
            throw ValidationError("--tls-psk and --tls-certificate exclude each other.")
        }
    }

    /// Reads the files that the options name.
    func read() throws(SessionError) -> ExportAccess {
        var access = ExportAccess()
        if let user, let passwordFile {
            access.credentials = [.init(user: user, secret: try Self.password(passwordFile))]
        }
        if let targetUser, let targetPasswordFile {
            access.own = .init(user: targetUser, secret: try Self.password(targetPasswordFile))
        }
        access.initiators = initiator
        guard tlsCertificate != nil || tlsPSK != nil else { return access }
        var tls = ExportAccess.TLS()
        tls.certificate = try tlsCertificate.map(Self.text)
        tls.key = try tlsKey.map(Self.text)
        tls.clientAuthority = try tlsClientCA.map(Self.text)
        tls.sharedKeys = try tlsPSK.map(Self.text)
        access.tls = tls
        return access
    }

    private static func password(_ path: String) throws(SessionError) -> String {
        let line = try text(path).prefix { $0 != "\n" && $0 != "\r\n" }
        guard (12...255).contains(line.utf8.count) else {
            throw SessionError(
                .target, "the password in \(path) has \(line.utf8.count) bytes",
                remedy: "CHAP wants 12 to 255 (RFC 7143, 9.2.1): "
                    + "`head -c 18 /dev/urandom | base64 >\(path)`.")
        }
        return String(line)
    }

    private static func text(_ path: String) throws(SessionError) -> String {
        do { return try Files.readText(path, limit: 1 << 20) } catch {
            throw SessionError(
                .target, "cannot read \(path): \(SystemError.words(error.errno))",
                remedy: "Check the name and its permissions.")
        }
    }
}
