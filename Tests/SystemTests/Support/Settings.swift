import FileSystemLab
import Foundation
import Testing

extension Tag {
    /// Boots virtual machines.
    @Tag static var system: Self
    /// Takes minutes; runs where `CAUSEWAY_TESTS` is `full`.
    @Tag static var long: Self
}

/// What the tests take from the environment.
enum Settings {
    private static let environment = ProcessInfo.processInfo.environment

    /// The program under test: `CAUSEWAY_BIN`, or the release build of this tree.
    static let program: String =
        environment["CAUSEWAY_BIN"]
        ?? URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".build/release/causeway").path

    /// The appliance's folder: `CAUSEWAY_APPLIANCE`, or where `make appliance` puts it.
    static let appliance: String =
        environment["CAUSEWAY_APPLIANCE"]
        ?? (environment["XDG_DATA_HOME"] ?? (environment["HOME"] ?? "") + "/.local/share")
        + "/causeway/appliance"

    /// The hypervisor that the suite runs through.
    static let hypervisor = environment["CAUSEWAY_VIA"] ?? "uml"

    /// Whether the long counts are asked for.
    static let isFull = environment["CAUSEWAY_TESTS"] == "full"

    /// The folder of sample images made by other people's tools, if it is there.
    static let samples = environment["CAUSEWAY_SAMPLES"]

    /// The folder of xfstests, built; nil where nobody has built it, since no registry carries it.
    static let xfstests = environment["XFSTESTS"]

    /// Whether this process is root.
    static let isRoot = geteuid() == 0

    /// Where self-tests of hypervisors are remembered, one folder for all tests.
    static let cache = Lab.folder + "/cache"

    /// The file systems whose images are damaged: all of them, or those that `CAUSEWAY_DAMAGED`
    /// names.
    static let damaged = environment["CAUSEWAY_DAMAGED"]?.split(separator: " ").map(String.init)

    /// How many times a loop runs: few in `make test`, all of them where asked for, or as many as
    /// `CAUSEWAY_ROUNDS` says.
    static func rounds(_ few: Int, full: Int) -> Int {
        environment["CAUSEWAY_ROUNDS"].flatMap { Int($0) } ?? (isFull ? full : few)
    }
}
