import ArgumentParser
import ISCSIWire
import LocalDisk
import Platform
import Sessions
import Targets

/// Who opens the source and speaks with clients.
struct GuestOptions: ParsableArguments {
    @Flag(help: "Serve from inside a virtual machine: slower, and nothing of clients is read here.")
    var inGuest = false

    @Option(help: "The hypervisor of --in-guest: uml, qemu, qemu-kvm or qemu-tcg.")
    var via: String?

    @Option(
        help: "Guest memory of --in-guest, in MiB; \(SessionRequest.defaultMemoryMiB) without it.")
    var memory: Int?

    func validate() throws {
        guard inGuest || via == nil else { throw ValidationError("--via needs --in-guest.") }
        guard inGuest || memory == nil else {
            throw ValidationError("--memory is the guest's: it needs --in-guest.")
        }
        guard memory.map(SessionRequest.memoryRange.contains) ?? true else {
            let range = SessionRequest.memoryRange
            throw ValidationError(
                "--memory takes \(range.lowerBound) to \(range.upperBound) MiB.")
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
        if let partition, partition.allSatisfy({ $0 == "0" || $0 == "." }) {
            throw ValidationError(
                "--partition counts from 1; without it the whole disk is served.")
        }
        if let iqn, !ISCSIName.isProper(iqn) {
            throw ValidationError(
                "--iqn \(iqn) is no iSCSI name: iqn.YEAR-MONTH.REVERSED.DOMAIN:ANYTHING, of at "
                    + "most \(ISCSIName.limit) lower-case letters, digits, '-', '.' and ':' "
                    + "(RFC 3720, 3.2.6.3).")
        }
        if let name, name.isEmpty || name.utf8.count > 255 || name.utf8.contains(0) {
            throw ValidationError("--name has 1 to 255 bytes.")
        }
    }
}
