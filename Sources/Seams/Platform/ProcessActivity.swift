/// What a process and all below it have done since they began, to tell whether they get anywhere.
///
/// From /proc (proc_pid_stat(5), proc_pid_status(5), proc_pid_task(5)), which tells it of every
/// process of the same computer.
public struct ProcessActivity: Equatable, Sendable {
    /// Processor time of user and kernel, in clock ticks of 10 ms.
    public var ticks: UInt64 = 0
    /// How often their threads have waited for something or were put aside.
    public var switches: UInt64 = 0
    /// Whether a thread waits for the kernel in a way that nothing can interrupt: for a disk.
    public var waitsForDisk = false

    /// Makes a value.
    public init(ticks: UInt64 = 0, switches: UInt64 = 0, waitsForDisk: Bool = false) {
        self.ticks = ticks
        self.switches = switches
        self.waitsForDisk = waitsForDisk
    }

    /// Reads what is true now; nil where the process is gone, or /proc does not tell of those below
    /// it.
    public init?(of process: Int32) {
        var pending = [process]
        var seen = 0
        while let next = pending.popLast(), seen < Self.processLimit {
            seen += 1
            // One that has just ended has no more to tell, unless it is the one asked for.
            guard let below = add(next) else {
                if next == process { return nil }
                continue
            }
            pending += below
        }
    }

    /// Processes of one tree that are looked at.
    private static let processLimit = 4096

    /// Adds one process with all its threads; returns the processes that it started.
    private mutating func add(_ process: Int32) -> [Int32]? {
        guard let threads = try? Files.list("/proc/\(process)/task") else { return nil }
        var below: [Int32] = []
        for thread in threads {
            let folder = "/proc/\(process)/task/\(thread)"
            guard let children = try? Files.readText("\(folder)/children", limit: 1 << 20) else {
                // The thread is gone, or this kernel does not tell.
                if Files.exists(folder) { return nil }
                continue
            }
            below += children.split(separator: " ").compactMap { Int32($0) }
            addThread(folder)
        }
        return below
    }

    private mutating func addThread(_ folder: String) {
        let stat = (try? Files.readText("\(folder)/stat", limit: 4096)) ?? ""
        // The name before the fields may hold anything, also what looks like its end.
        guard let end = stat.lastIndex(of: ")") else { return }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        if fields.first == "D" { waitsForDisk = true }
        for field in fields.dropFirst(11).prefix(2) { ticks += UInt64(field) ?? 0 }
        let status = (try? Files.readText("\(folder)/status", limit: 1 << 16)) ?? ""
        for line in status.split(separator: "\n") where line.contains("ctxt_switches:") {
            switches += line.split(separator: "\t").last.flatMap { UInt64($0) } ?? 0
        }
    }
}
