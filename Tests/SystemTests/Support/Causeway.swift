import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// The program under test in surroundings of its own: run, state and home folders that no other
/// test sees, so that whatever it leaves behind is found.
final class Causeway {
    /// A folder for the test's own files.
    let folder: String
    private let scratch: Scratch
    /// Every process that a session of this test was made of.
    private var seen: Set<Processes.Identity> = []
    private var extraEnvironment: [String: String]

    init(environment: [String: String] = [:]) throws {
        scratch = try Scratch("t")
        folder = scratch.path
        extraEnvironment = environment
        for name in ["run", "state", "data", "home"] {
            try Files.makeDirectories("\(folder)/\(name)")
        }
        try Files.makeDirectories(Settings.cache)
    }

    /// Runs a body with surroundings of its own, and then proves that nothing is left behind.
    static func scoped(
        environment: [String: String] = [:], _ body: (Causeway) throws -> Void
    ) throws {
        let causeway = try Causeway(environment: environment)
        do { try body(causeway) } catch {
            causeway.clearAway()
            throw error
        }
        causeway.expectNothingLeft()
        causeway.clearAway()
    }

    /// The environment that the program sees.
    var environment: [String] {
        var values = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC",
            "LC_ALL": "C.UTF-8", "HOME": "\(folder)/home", "XDG_RUNTIME_DIR": "\(folder)/run",
            "XDG_STATE_HOME": "\(folder)/state", "XDG_DATA_HOME": "\(folder)/data",
            "XDG_CACHE_HOME": Settings.cache, "CAUSEWAY_APPLIANCE": Settings.appliance,
        ]
        values.merge(extraEnvironment) { $1 }
        return values.filter { !$0.value.isEmpty }.map { "\($0.key)=\($0.value)" }
    }

    /// Runs the program with arguments, in a network of its own where one is given; what it prints
    /// and how it ends is the outcome.
    @discardableResult
    func run(
        _ arguments: [String], in network: GuestNetwork? = nil, seconds: Int = 120
    ) throws -> Outcome {
        let words = (network?.prefix ?? []) + [Settings.program] + arguments
        return try Command.run(
            words[0], Array(words.dropFirst()), environment: environment, seconds: seconds)
    }

    /// Starts the program and does not wait.
    func start(_ arguments: [String]) throws -> RunningCommand {
        try RunningCommand(Settings.program, arguments, environment: environment)
    }

    /// A filled image of this test's own: nobody else mounts it.
    func copy(_ name: String) throws -> String {
        try Lab.copy(of: try FileSystem.named(name), into: folder, name: "\(name).img")
    }

    /// Makes an empty folder to mount on.
    func makeMountpoint(_ name: String = "mnt") throws -> String {
        let path = "\(folder)/\(name)"
        try Files.makeDirectories(path)
        return path
    }

    /// Mounts a source; fails the test where that fails.
    func mount(
        _ source: String, _ options: [String] = [], at name: String = "mnt", seconds: Int = 120
    ) throws -> Mounted {
        let mountpoint = try makeMountpoint(name)
        var arguments = ["mount", source, mountpoint, "--json"] + options
        if !options.contains("--via") { arguments += ["--via", Settings.hypervisor] }
        let outcome = try run(arguments, seconds: seconds)
        try #require(outcome.isSuccess, "\(outcome)\n\(logsOfFailed())")
        let mounted = try Mounted(folder: mountpoint, outcome: outcome)
        remember(mounted.processes.values)
        return mounted
    }

    /// These processes, and what they started, must be gone in the end.
    func remember(_ processes: some Collection<Int32>) {
        for process in processes {
            let all = Processes.below(process).union([process])
            seen.formUnion(all.compactMap(Processes.Identity.init))
        }
    }

    /// Those of them that are still there, and whatever else names this test's folder.
    private var left: Set<Int32> {
        seen = seen.filter(\.isRunning)
        return Processes.mentioning(folder).union(seen.map(\.process))
    }

    /// The logs of sessions that failed, for a test's report.
    private func logsOfFailed() -> String {
        let list = (try? run(["logs"]))?.stdout ?? ""
        let names = list.split(separator: "\n").filter { $0.hasSuffix("  ended") }
        return names.map { line in
            let name = String(line.split(separator: " ")[0])
            return "log of \(name):\n" + ((try? run(["logs", name]))?.stdout.suffix(4000) ?? "")
        }.joined(separator: "\n")
    }

    /// Unmounts, and expects a clean receipt.
    @discardableResult
    func unmount(_ target: String, _ options: [String] = [], seconds: Int = 120) throws -> Outcome {
        let outcome = try run(["unmount", target] + options, seconds: seconds)
        #expect(outcome.isSuccess, "\(outcome)")
        return outcome
    }

    /// Mounts, runs a body, and always unmounts.
    func withMount(
        _ source: String, _ options: [String] = [], _ body: (Mounted) throws -> Void
    ) throws {
        let mounted = try mount(source, options)
        do { try body(mounted) } catch {
            let outcome = try? run(["unmount", mounted.folder, "--force"])
            Issue.record("\(error)\nafter it, unmount: \(outcome?.description ?? "no answer")")
            throw error
        }
        try unmount(mounted.folder)
    }

    /// The sessions that `causeway list` knows of.
    func sessions() throws -> [[String: Any]] {
        let outcome = try run(["list", "--json"])
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output))
        if let list = value as? [[String: Any]] { return list }
        return try #require((value as? [String: Any])?["sessions"] as? [[String: Any]])
    }

    /// Expects that the only session comes into a state within a minute: it hears of its processes'
    /// ends a moment after their clients do.
    func expectState(
        _ expected: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        var found: String?
        let isReached = Wait.until(seconds: 60) {
            found = try? sessions().first?["state"] as? String
            return found == expected
        }
        #expect(
            isReached, "the session is \(found ?? "not listed"), not \(expected)",
            sourceLocation: sourceLocation)
    }

    /// Expects that no process, mount, lock, socket or file of this test is left.
    func expectNothingLeft() {
        if !Wait.until(seconds: 60, { left.isEmpty }) {
            Issue.record("processes left: \(left.map(Processes.describe))")
        }
        let mounts = (try? Files.readText("/proc/self/mounts", limit: 1 << 20)) ?? ""
        let ours = mounts.split(separator: "\n").filter { $0.contains(folder) }
        #expect(ours.isEmpty, "mounts left")
        for path in ["run/causeway/sessions", "state/causeway/temporary"] {
            let names = (try? Files.list("\(folder)/\(path)")) ?? []
            #expect(names.isEmpty, "left in \(path)")
        }
    }

    /// Ends whatever a failed test left, so that the next ones are not disturbed.
    private func clearAway() {
        let mounts = (try? Files.readText("/proc/self/mounts", limit: 1 << 20)) ?? ""
        for line in mounts.split(separator: "\n") where line.contains(folder) {
            let words = line.split(separator: " ")
            if words.count > 1 { _ = try? Command.run("fusermount3", ["-uz", String(words[1])]) }
        }
        for process in left { kill(process, SIGKILL) }
    }
}
