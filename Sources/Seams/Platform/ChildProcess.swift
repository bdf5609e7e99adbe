import CPlatform
import Glibc
import Synchronization

/// How a process ended.
public enum ProcessEnd: Equatable, Sendable, CustomStringConvertible {
    /// It exited with this code.
    case exited(Int32)
    /// This signal ended it.
    case signaled(Int32)

    init(status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited((status >> 8) & 0xff) : .signaled(signal)
    }

    /// Whether it exited with 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// The end in words.
    public var description: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signaled(let signal): "signal \(signal)"
        }
    }
}

/// How to start a process.
public struct SpawnOptions: Sendable {
    /// Absolute path of the program.
    public var path: String
    /// Arguments, without the program's own name.
    public var arguments: [String]
    /// The whole environment, `NAME=value`; nothing is inherited.
    public var environment: [String]
    /// The caller's descriptors that become 0, 1, 2 … in the child; -1 is /dev/null.
    public var descriptors: [Int32]
    /// Whether the child is killed when the thread that started it ends.
    public var diesWithParent: Bool
    /// Whether a process in between ends all that the child has started, when the child or the
    /// starting thread ends.
    ///
    /// Without one, a child that is killed while it starts others can leave them behind. The id is
    /// the guard's; it ends as the child does.
    public var isGuarded = false
    /// Whether the child gets a session of its own, away from the terminal.
    public var newSession: Bool
    /// Whether the child and its descendants may leave no memory image behind.
    public var forbidsCoreDumps = false

    /// Makes options; by default the child sees /dev/null and nothing else.
    public init(
        path: String, arguments: [String],
        environment: [String] = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
        descriptors: [Int32] = [-1, -1, -1], diesWithParent: Bool = false, newSession: Bool = false
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
        self.diesWithParent = diesWithParent
        self.newSession = newSession
    }
}

/// A child process, held by its pidfd.
///
/// Any thread; one of them waits.
///
/// Call `wait` or `killAndWait` before letting go of the value: who is let go while it runs is
/// killed, where it would have died with its parent, and goes on otherwise.
public final class ChildProcess: Sendable {
    /// The process id; valid until `wait` has returned an end.
    public let id: Int32
    /// Readable when the process has ended: for poll.
    public let pidfd: OwnedFD
    private let lifeline: OwnedFD?
    private let diesWithParent: Bool
    /// The end, once it is known: the kernel tells it once, and gives the number away then.
    private let end = Mutex<ProcessEnd?>(nil)

    deinit {
        guard end.withLock({ $0 == nil }) else { return }
        // Nobody could end it or ask for its end any more: it must not be left as a zombie, which
        // others that wait for any child would meet again and again.
        if diesWithParent { _ = cp_pidfd_signal(pidfd.raw, SIGKILL) }
        var status: Int32 = 0
        _ = cp_wait(id, pidfd.raw, diesWithParent ? 1000 : 0, &status)
    }

    /// Starts a process.
    ///
    /// Errors of fork and exec are thrown.
    ///
    /// A `lifeline` is the reader of a pipe whose writer only the process and its descendants
    /// hold. With one, `wait` reports the end when all of them have ended.
    public init(_ options: SpawnOptions, lifeline: OwnedFD? = nil) throws(SystemError) {
        var pidfd: Int32 = -1
        let pid = CStrings.with([options.path] + options.arguments) { argv in
            CStrings.with(options.environment) { envp in
                options.descriptors.withUnsafeBufferPointer { descriptors in
                    options.path.withCString { path in
                        var spawn = cp_spawn()
                        spawn.path = path
                        spawn.argv = argv
                        spawn.envp = envp
                        spawn.fds = descriptors.baseAddress
                        spawn.fd_count = descriptors.count
                        spawn.parent_death_signal = options.diesWithParent ? SIGKILL : 0
                        spawn.guarded = options.isGuarded ? 1 : 0
                        spawn.new_session = options.newSession ? 1 : 0
                        spawn.no_core_dumps = options.forbidsCoreDumps ? 1 : 0
                        return cp_spawn(&spawn, &pidfd)
                    }
                }
            }
        }
        id = try checked(pid, "start \(options.path)")
        self.pidfd = OwnedFD(taking: pidfd)
        self.lifeline = lifeline
        diesWithParent = options.diesWithParent
    }

    /// Waits for the end, at most `milliseconds` (for ever where negative); nil: not yet.
    ///
    /// An end that has been told once is told again.
    public func wait(milliseconds: Int32 = -1) throws(SystemError) -> ProcessEnd? {
        if let end = end.withLock({ $0 }) { return end }
        let start = Clock.milliseconds()
        if let lifeline, try !Descriptors.waitReadable(lifeline.raw, milliseconds: milliseconds) {
            return nil
        }
        var status: Int32 = 0
        let spent = Int32(clamping: Clock.milliseconds() - start)
        let left = milliseconds < 0 ? -1 : max(0, milliseconds - spent)
        let ended = try checked(cp_wait(id, pidfd.raw, left, &status), "wait")
        guard ended == 1 else { return nil }
        let end = ProcessEnd(status: status)
        self.end.withLock { $0 = end }
        return end
    }

    /// Sends a signal; a process that has ended is no error.
    public func signal(_ number: Int32) {
        _ = cp_pidfd_signal(pidfd.raw, number)
    }

    /// Kills at once and waits for the end.
    @discardableResult
    public func killAndWait() throws(SystemError) -> ProcessEnd? {
        signal(SIGKILL)
        return try wait(milliseconds: -1)
    }

    /// Runs a program to its end and collects its standard output; standard error is discarded
    /// unless `mergeErrors`.
    ///
    /// Killed after `milliseconds`: then the end is a signal.
    public static func run(
        _ options: SpawnOptions, mergeErrors: Bool = false, outputLimit: Int = 16 << 20,
        milliseconds: Int32 = 30_000
    ) throws(SystemError) -> (end: ProcessEnd, output: [UInt8]) {
        let (child, reader) = try startWithPipe(options, mergeErrors: mergeErrors)
        let deadline = Clock.milliseconds() + Int64(milliseconds)
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let left = max(0, deadline - Clock.milliseconds())
            guard try Descriptors.waitReadable(reader.raw, milliseconds: Int32(left)) else {
                let end = try child.killAndWait()
                return (end ?? .signaled(SIGKILL), output)
            }
            let raw = reader.raw
            let got = try libc("read") { Glibc.read(raw, &buffer, buffer.count) }
            if got == 0 { break }
            if output.count + got <= outputLimit { output.append(contentsOf: buffer[..<got]) }
        }
        let left = Int32(max(0, deadline - Clock.milliseconds()))
        if let end = try child.wait(milliseconds: left) { return (end, output) }
        return (try child.killAndWait() ?? .signaled(SIGKILL), output)
    }
}

extension ChildProcess {
    /// Starts a process whose output arrives at the returned descriptor; only the child keeps the
    /// other end, so the end of the output is the end of the process and its children.
    private static func startWithPipe(
        _ options: SpawnOptions, mergeErrors: Bool
    ) throws(SystemError) -> (ChildProcess, OwnedFD) {
        let (reader, writer) = try Descriptors.pipe()
        var options = options
        while options.descriptors.count < 3 { options.descriptors.append(-1) }
        options.descriptors[1] = writer.raw
        if mergeErrors { options.descriptors[2] = writer.raw }
        let child = try withExtendedLifetime(writer) { () throws(SystemError) in
            try ChildProcess(options)
        }
        return (child, reader)
    }
}

/// NULL-terminated arrays of C strings, for the length of one call.
enum CStrings {
    static func with<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
            return body(base)
        }
    }
}
