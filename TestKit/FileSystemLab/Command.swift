import Glibc
public import Platform
import Synchronization

/// What a program did: how it ended and what it said.
public struct Outcome: Sendable, CustomStringConvertible {
    /// The program and its arguments.
    public var command: String
    /// How it ended.
    public var end: ProcessEnd
    /// Its standard output.
    public var output: [UInt8]
    /// Its standard error.
    public var errors: [UInt8]
    /// From start to the end of its output.
    public var milliseconds: Int64
    /// Whether it was killed because its time was up.
    public var timedOut: Bool

    /// Collects what a program did.
    public init(
        command: String, end: ProcessEnd, output: [UInt8], errors: [UInt8], milliseconds: Int64,
        timedOut: Bool
    ) {
        self.command = command
        self.end = end
        self.output = output
        self.errors = errors
        self.milliseconds = milliseconds
        self.timedOut = timedOut
    }

    /// Its exit code; 128 and the signal's number where a signal ended it.
    public var status: Int32 {
        switch end {
        case .exited(let code): code
        case .signaled(let signal): 128 + signal
        }
    }
    /// Its standard output as text.
    public var stdout: String { String(decoding: output, as: UTF8.self) }
    /// Its standard error as text.
    public var stderr: String { String(decoding: errors, as: UTF8.self) }
    /// Whether it exited with 0.
    public var isSuccess: Bool { end.isSuccess }

    /// The outcome for a test's report.
    public var description: String {
        let late = timedOut ? ", killed because its time was up" : ""
        return """
            \(command)
            \(end) after \(milliseconds) ms\(late)
            stdout: \(stdout.suffix(3000))
            stderr: \(stderr.suffix(3000))
            """
    }
}

/// Something the lab itself could not do; never the product's fault.
public struct LabError: Error, CustomStringConvertible {
    /// What it was.
    public var description: String
    /// Makes an error.
    public init(_ description: String) { self.description = description }
}

/// Programs as child processes, with both outputs and a time limit.
public enum Command {
    /// The environment of every child: no inheritance, one language, one time zone.
    public static let environment = environment(home: "/nonexistent")

    /// The same with a home folder.
    public static func environment(home: String) -> [String] {
        [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC",
            "LC_ALL=C.UTF-8", "HOME=\(home)",
        ]
    }

    /// Runs a program to its end and the end of its output; kills it after `seconds`.
    ///
    /// Returns only when nobody holds the output any more, as a shell's `$(…)` does: a process
    /// that goes on in the background must have let go of it.
    public static func run(
        _ program: String, _ arguments: [String], environment: [String] = Command.environment,
        input: Int32 = -1, seconds: Int = 60
    ) throws -> Outcome {
        let start = Clock.milliseconds()
        let deadline = start + Int64(seconds) * 1000
        let running = try RunningCommand(
            program, arguments, environment: environment, input: input)
        let finished = try running.collect(until: deadline)
        var end = finished ? try running.process.wait(milliseconds: left(deadline)) : nil
        let timedOut = end == nil
        if timedOut { end = try running.process.killAndWait() }
        return Outcome(
            command: ([program] + arguments).joined(separator: " "), end: end ?? .signaled(SIGKILL),
            output: running.outputs[0], errors: running.outputs[1],
            milliseconds: Clock.milliseconds() - start, timedOut: timedOut)
    }

    /// Runs a program that must succeed.
    @discardableResult
    public static func require(
        _ program: String, _ arguments: [String], seconds: Int = 120
    ) throws -> Outcome {
        let outcome = try run(program, arguments, seconds: seconds)
        guard outcome.isSuccess else { throw LabError("\(outcome)") }
        return outcome
    }

    /// Runs a shell script that must succeed; `$1`, `$2` … are the arguments.
    @discardableResult
    public static func shell(
        _ script: String, _ arguments: [String] = [], seconds: Int = 120
    ) throws -> Outcome {
        try require(
            "bash", ["-euc", "-o", "pipefail", script, "bash"] + arguments, seconds: seconds)
    }

    /// The absolute path of a program.
    public static func find(_ program: String) throws -> String {
        if program.hasPrefix("/") { return program }
        let folders = [
            "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
        ]
        for folder in folders where Files.isExecutable("\(folder)/\(program)") {
            return "\(folder)/\(program)"
        }
        throw LabError("no program \(program); scripts/packages.txt says what the tests need")
    }

    private static func left(_ deadline: Int64) -> Int32 {
        Int32(max(0, min(deadline - Clock.milliseconds(), 1 << 30)))
    }
}

/// A program that runs, and the readers of its two outputs.
///
/// One thread.
public final class RunningCommand {
    /// The child.
    public let process: ChildProcess
    /// Whether it has ended; leaves the waiting for it to others.
    public var hasEnded: Bool {
        (try? Descriptors.waitReadable(process.pidfd.raw, milliseconds: 0)) == true
    }
    /// What came so far: standard output, standard error; at most 64 MiB of each are kept.
    public private(set) var outputs: [[UInt8]] = [[], []]
    private let readers: [OwnedFD]
    private var open = [true, true]

    /// Starts a program.
    public init(
        _ program: String, _ arguments: [String], environment: [String] = Command.environment,
        input: Int32 = -1
    ) throws {
        let options = SpawnOptions(
            path: try Command.find(program), arguments: arguments, environment: environment)
        (process, readers) = try Self.start(options, input: input)
    }

    /// Collects output until both ends of it are closed; false where the time was up before.
    public func collect(until deadline: Int64) throws -> Bool {
        while open.contains(true) {
            let left = deadline - Clock.milliseconds()
            if left <= 0 { return false }
            let wanted = readers.indices.map { index in
                (descriptor: open[index] ? readers[index].raw : -1, events: Readiness.readable)
            }
            let ready = try Descriptors.poll(wanted, milliseconds: Int32(min(left, 10_000)))
            for index in readers.indices where !ready[index].isEmpty {
                let bytes = try Descriptors.readSome(readers[index].raw, limit: 1 << 16)
                if bytes.isEmpty { open[index] = false }
                if outputs[index].count < 64 << 20 { outputs[index] += bytes }
            }
        }
        return true
    }

    /// Held from a child's fork to its exec.
    ///
    /// In between it has copies of every descriptor of this process, with their claims, and files
    /// open in mounted folders. Nobody who is started here comes upon such copies of another
    /// test's: what the test closed before is closed.
    private static let starting = Mutex(())

    /// Starts the child; only it keeps the writing ends.
    private static func start(
        _ options: SpawnOptions, input: Int32
    ) throws -> (ChildProcess, [OwnedFD]) {
        let (outReader, outWriter) = try Descriptors.pipe()
        let (errorReader, errorWriter) = try Descriptors.pipe()
        var options = options
        options.descriptors = [input, outWriter.raw, errorWriter.raw]
        let child = try withExtendedLifetime((outWriter, errorWriter)) {
            try starting.withLock { _ in try ChildProcess(options) }
        }
        return (child, [outReader, errorReader])
    }
}
