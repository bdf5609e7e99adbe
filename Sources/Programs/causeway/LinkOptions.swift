import AoEWire
import ArgumentParser
import Sessions
import Targets

/// Where an ATA over Ethernet disk is, and who may use it.
struct LinkOptions: ParsableArguments {
    @Option(help: "AoE: the Ethernet interface to listen on, such as eth1.")
    var interface: String?

    @Option(help: "AoE: the disk's shelf, 0 to 65534; 0 without it.")
    var shelf: UInt16?

    @Option(help: "AoE: the disk's slot on that shelf, 0 to 254; 0 without it.")
    var slot: UInt8?

    @Option(
        help: ArgumentHelp(
            "AoE: listen to this host, such as 52:54:00:12:34:56. May be given several times; "
                + "needed unless the interface is lo. A hardware address is no password: whoever "
                + "can send on the link can send as anybody.", valueName: "address"))
    var mac: [String] = []

    @Flag(
        help: ArgumentHelp(
            "AoE: answer writes before they are durable. Faster; Linux's client never asks for a "
                + "flush, so what its file system takes as safe may be lost when this host fails."))
    var answerEarly = false

    func validate() throws {
        guard interface != nil || (shelf == nil && slot == nil && mac.isEmpty && !answerEarly)
        else {
            throw ValidationError("--shelf, --slot, --mac and --answer-early need --aoe.")
        }
        _ = try endpoint()
        guard try hosts().count <= AoEProtocol.listLimit else {
            throw ValidationError("--mac may be given \(AoEProtocol.listLimit) times.")
        }
    }

    /// Where the disk is.
    func endpoint() throws -> ExportRequest.Endpoint? {
        guard let interface else { return nil }
        let address = AoEAddress(shelf: shelf ?? 0, slot: slot ?? 0)
        guard address.isOne, address.shelf != 0xfff else {
            throw ValidationError(
                "--shelf is 0 to 65534 but not 4095, which clients take for an error; --slot is "
                    + "0 to 254.")
        }
        return ExportRequest.Endpoint(.aoe, .link(interface: interface, address))
    }

    /// Who may use it.
    func hosts() throws -> [MACAddress] {
        try mac.map { text in
            guard let address = MACAddress(text), !address.isGroup else {
                throw ValidationError("\(text) is no host's address: AA:BB:CC:DD:EE:FF.")
            }
            return address
        }
    }
}
