import Appliance
import ArgumentParser
import Hypervisors
import Sessions
import VirtualMachine

/// `causeway hypervisors`.
struct HypervisorsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hypervisors",
        abstract: "Show what runs virtual machines here, what really boots, and what is chosen.",
        discussion: """
            A mount takes the first of: KVM, where a test boot has shown that it runs a guest; \
            User-Mode Linux; QEMU's own translator. Tests are remembered until the machine or its \
            software changes. `causeway mount --via NAME` takes another.
            """)

    @Flag(help: "Boot each one now, under a time limit, and remember what came of it.")
    var test = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let folders = Surroundings.folders
        var appliances: [HypervisorKind: AppliancePaths] = [:]
        var obstacles: [HypervisorKind: ApplianceError] = [:]
        for kind in HypervisorKind.allCases {
            do throws(ApplianceError) {
                appliances[kind] = try Appliance.locate(directory: folders.appliance)
                    .paths(for: kind)
            } catch {
                obstacles[kind] = error
            }
        }
        let ladder = HypervisorLadder(
            memoryFile: folders.hypervisorMemory, appliances: appliances)
        let rows = ladder.survey(test: test).map { HypervisorRow($0, obstacles[$0.kind]) }
        if json { return try Output.json(["hypervisors": rows]) }
        for row in rows { print(row.text) }
    }
}

/// One hypervisor, as JSON and as lines.
struct HypervisorRow: Encodable {
    var name: String
    var isInstalled: Bool
    var version: String?
    /// Whether its last test booted; absent where it was not tested.
    var boots: Bool?
    var bootMilliseconds: Int64?
    var isChosen: Bool
    var reason: String
    var remedy: String?

    init(_ finding: HypervisorLadder.Finding, _ obstacle: ApplianceError?) {
        name = finding.kind.rawValue
        isChosen = finding.isChosen
        reason = finding.reason
        switch finding.presence {
        case .installed(let version):
            isInstalled = true
            self.version = version
        case .missing(_, let remedy):
            isInstalled = false
            self.remedy = remedy
        }
        switch finding.boot {
        case .boots(let time):
            boots = true
            bootMilliseconds = time
        case .fails: boots = false
        case nil: break
        }
        if let obstacle {
            reason = obstacle.cause
            remedy = obstacle.remedy
        }
    }

    var text: String {
        let padded = name + String(repeating: " ", count: max(1, 10 - name.count))
        var line = "\(isChosen ? "*" : " ") \(padded)"
        line += isInstalled ? version ?? "installed" : "not usable"
        if let bootMilliseconds { line += ", boots in \(bootMilliseconds) ms" }
        line += ": \(reason)"
        if let remedy { line += "\n    \(remedy)" }
        return line
    }
}
