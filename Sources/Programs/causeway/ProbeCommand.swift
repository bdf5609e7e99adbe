import ArgumentParser
import JSONText
import Inspection
import Sessions

/// `causeway probe`: shows what a source is made of, and touches nothing.
struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Show the layers of a source and how they would be reached.",
        discussion: """
            Reads the partition table and superblocks of a disk image or block device. For each \
            file system it says whether this host could mount it, by which route Causeway would \
            reach it, and what a mount would write. Nothing is mounted or changed.

            Exit codes: 0 something can be mounted, 3 the source cannot be read, 4 nothing in it \
            can be mounted.
            """)

    @Argument(help: "A disk image or block device.")
    var source: String

    @Flag(help: "Print JSON (docs/formats/probe-json.md).")
    var json = false

    @OptionGroup var image: FormatOption

    func run() throws {
        let report = try Output.reporting(json: false) {
            try ImageInspection.report(
                path: source, format: image.format, folders: Surroundings.folders)
        }
        let probe = ProbeReport(source: report, host: HostSupport(facts: .gather()))
        print(json ? probe.json.text : probe.text, terminator: "")
        do {
            _ = try report.selectVolumes()
        } catch  where error.kind == .notSupported {
            throw ExitCode(CausewayExit.notSupported)
        } catch {
            // The report itself says which choice is open.
        }
    }
}
