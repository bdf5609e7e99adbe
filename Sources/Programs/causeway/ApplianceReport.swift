import Appliance
import Platform

/// What `causeway appliance info` and `build` print.
struct ApplianceReport: Encodable {
    private struct Machine: Encodable {
        var `for`: String
        var kernel: String
        var release: String
        var guestProtocol: UInt32
        var fileSystems: [String]
        var inputs: [Input]
        var files: [File]
    }

    private struct Input: Encodable {
        var name: String
        var version: String?
        var sha256: String?
    }

    private struct File: Encodable {
        var path: String
        var size: UInt64
        var sha256: String
    }

    private var directory: String
    private var packagings: [Machine]

    init(_ appliance: Appliance) {
        directory = appliance.directory
        packagings = appliance.manifest.packagings.map { packaging in
            Machine(
                for: packaging.kind.rawValue, kernel: packaging.flavour.rawValue,
                release: packaging.release, guestProtocol: packaging.wireVersion,
                fileSystems: packaging.fileSystems,
                inputs: packaging.inputs.map {
                    Input(
                        name: $0.name, version: $0.version == "-" ? nil : $0.version,
                        sha256: $0.sha256 == "-" ? nil : $0.sha256)
                },
                files: packaging.files.map {
                    File(
                        path: "\(packaging.kind.rawValue)/\($0.name)", size: $0.size,
                        sha256: $0.sha256)
                })
        }
    }

    func print(json: Bool) throws {
        if json { return try Output.json(self) }
        Swift.print("appliance in \(directory)")
        for machine in packagings {
            Swift.print("\n\(machine.for): kernel \(machine.release) (\(machine.kernel))")
            Swift.print("  guest protocol \(machine.guestProtocol)")
            Swift.print("  file systems: \(machine.fileSystems.joined(separator: " "))")
            for input in machine.inputs {
                let facts = [input.name, input.version, input.sha256.map { "sha256 \($0)" }]
                Swift.print("  made from \(facts.compactMap { $0 }.joined(separator: " "))")
            }
            for file in machine.files {
                Swift.print("  \(file.path)  \(file.size) bytes  sha256 \(file.sha256)")
            }
        }
    }
}

/// One line of `causeway appliance verify --json`.
struct FindingReport: Encodable {
    private var path: String
    private var isWhole: Bool
    private var state: String

    init(_ finding: ApplianceFinding) {
        path = "\(finding.kind.rawValue)/\(finding.file)"
        isWhole = finding.state == .whole
        state = finding.state.description
    }
}

/// Shows a build's progress on standard error: one line that changes on a terminal; elsewhere a
/// line for each phase, and every minute while compiling.
final class BuildDisplay {
    private let isTerminal = Host.isTerminal(2)
    private let start = Clock.milliseconds()
    private var phaseStart = Clock.milliseconds()
    private var phase: BuildProgress.Phase?
    private var lastShown: Int64 = 0

    func show(_ progress: BuildProgress) {
        let now = Clock.milliseconds()
        let isNew = progress.phase != phase
        if isNew {
            phase = progress.phase
            phaseStart = now
        }
        let interval: Int64 = isTerminal ? 200 : 60_000
        guard isNew || now - lastShown >= interval else { return }
        lastShown = now
        let text = line(progress, now: now)
        write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n")
    }

    func clear() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    private func line(_ progress: BuildProgress, now: Int64) -> String {
        var text = progress.phase.rawValue
        if progress.total > 0 {
            text += ": \(progress.done) of about \(progress.total) steps"
            if progress.done > 50 {
                let left =
                    (now - phaseStart) * Int64(progress.total - progress.done)
                    / Int64(progress.done)
                text += ", about \(Self.duration(left)) left"
            }
        }
        text += ", \(Self.duration(now - start)) so far"
        return progress.subject.isEmpty ? text : text + " (\(progress.subject.suffix(40)))"
    }

    private func write(_ text: String) { try? Files.writeAll(Array(text.utf8), to: 2) }

    private static func duration(_ milliseconds: Int64) -> String {
        let seconds = milliseconds / 1000
        return seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
    }
}
