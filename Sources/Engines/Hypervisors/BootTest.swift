import Platform
import VirtualMachine

/// What came of booting the appliance once.
public enum BootResult: Sendable, Equatable {
    /// Process 1 ran, this long after the start.
    case boots(milliseconds: Int64)
    /// It did not: why.
    case fails(reason: String)
}

/// Boots the appliance without disks or network, and waits for a sign of life from process 1.
enum BootTest {
    /// The word that tells the agent to say so and power off.
    static let word = "causeway.selftest"
    /// What the agent begins its lines with.
    ///
    /// Nothing before process 1 prints it: the kernel shows its command line, where there is the
    /// word alone.
    static let signs = ["causeway: selftest ok", "causeway-guest:"]
    /// Of the console, this much is kept to look for the sign.
    private static let window = 16 << 10

    /// How long a boot may take, in milliseconds: a machine that hangs is worse than none.
    static func limit(for kind: HypervisorKind) -> Int64 {
        switch kind {
        case .kvm: 8_000
        case .uml: 15_000
        case .tcg: 120_000
        }
    }

    /// Runs the test; blocks for as long as it takes, at most the limit.
    ///
    /// Nothing is left running.
    static func run(
        _ hypervisor: any Hypervisor, appliance: AppliancePaths, limit: Int64
    ) -> BootResult {
        do {
            let (console, machine) = try start(hypervisor, appliance)
            defer { _ = try? machine.killAndWait() }
            let begin = Clock.milliseconds()
            var text: [UInt8] = []
            while true {
                let left = limit - (Clock.milliseconds() - begin)
                guard left > 0,
                    try Descriptors.waitReadable(console.raw, milliseconds: Int32(clamping: left))
                else { return .fails(reason: "no sign of life within \(limit) ms") }
                let bytes = try Descriptors.readSome(console.raw, limit: 1 << 12)
                guard !bytes.isEmpty else { return .fails(reason: lastWords(text)) }
                text += bytes
                let said = String(decoding: text, as: UTF8.self)
                if signs.contains(where: said.contains) {
                    return .boots(milliseconds: Clock.milliseconds() - begin)
                }
                if text.count > window { text.removeFirst(text.count - window) }
            }
        } catch let error as VirtualMachineError {
            return .fails(reason: error.cause)
        } catch { return .fails(reason: "\(error)") }
    }

    private static func start(
        _ hypervisor: any Hypervisor, _ appliance: AppliancePaths
    ) throws -> (console: OwnedFD, machine: ChildProcess) {
        let (console, writer) = try Descriptors.pipe()
        let machine = try withExtendedLifetime(writer) {
            try hypervisor.start(
                VirtualMachineDescription(
                    appliance: appliance, memoryMiB: 256, diskSockets: [], link: nil,
                    console: writer.raw, commandLine: ["quiet", word]))
        }
        return (console, machine)
    }

    private static func lastWords(_ text: [UInt8]) -> String {
        let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard let last = lines.last else { return "it ended at once and said nothing" }
        return "it ended: \(last.prefix(200))"
    }
}
