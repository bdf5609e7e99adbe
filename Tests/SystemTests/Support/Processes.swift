import Foundation
import Platform

/// Processes as /proc shows them.
enum Processes {
    /// Every process id.
    static var all: [Int32] { ((try? Files.list("/proc")) ?? []).compactMap { Int32($0) } }

    /// A process, told from a later one that got the same number.
    struct Identity: Hashable {
        let process: Int32
        /// In clock ticks since the boot.
        let started: Substring

        /// Nil where there is no such process.
        init?(_ process: Int32) {
            guard let started = Processes.status(process)?.started else { return nil }
            self.process = process
            self.started = started
        }

        /// Whether it still runs.
        var isRunning: Bool {
            Processes.isRunning(process) && Identity(process) == self
        }
    }

    /// Whether a process runs: a zombie does not.
    static func isRunning(_ process: Int32) -> Bool {
        guard let state = status(process)?.state else { return false }
        return state != "Z" && state != "X"
    }

    /// Its state and its start, as /proc/PID/stat has them (proc(5), fields 3 and 22).
    private static func status(_ process: Int32) -> (state: Substring, started: Substring)? {
        let stat = (try? Files.readText("/proc/\(process)/stat", limit: 4096)) ?? ""
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 19 ? (fields[0], fields[19]) : nil
    }

    /// The processes that this one started, and those they started.
    static func below(_ process: Int32) -> Set<Int32> {
        var parents: [Int32: [Int32]] = [:]
        for child in all {
            let stat = (try? Files.readText("/proc/\(child)/stat", limit: 4096)) ?? ""
            let words = stat.split(separator: ")").last?.split(separator: " ") ?? []
            if words.count > 1, let parent = Int32(words[1]) {
                parents[parent, default: []].append(child)
            }
        }
        var found: Set<Int32> = []
        var pending = [process]
        while let next = pending.popLast() {
            for child in parents[next] ?? [] where found.insert(child).inserted {
                pending.append(child)
            }
        }
        return found
    }

    /// The processes, but for this one, whose arguments, environment, folders or open files name
    /// a path.
    static func mentioning(_ path: String) -> Set<Int32> {
        Set(
            all.filter { process in
                process != getpid() && isRunning(process) && mentions(process, path)
            })
    }

    private static func mentions(_ process: Int32, _ path: String) -> Bool {
        for name in ["cmdline", "environ"] {
            if (try? Files.readText("/proc/\(process)/\(name)"))?.contains(path) == true {
                return true
            }
        }
        for name in ["cwd", "root", "exe"] {
            if (try? Files.readLink("/proc/\(process)/\(name)"))?.hasPrefix(path) == true {
                return true
            }
        }
        let descriptors = (try? Files.list("/proc/\(process)/fd")) ?? []
        return descriptors.contains {
            (try? Files.readLink("/proc/\(process)/fd/\($0)"))?.hasPrefix(path) == true
        }
    }

    /// A process for people.
    static func describe(_ process: Int32) -> String {
        let line = (try? Files.readText("/proc/\(process)/cmdline")) ?? ""
        return "\(process) \(line.map { $0 == "\0" ? " " : String($0) }.joined().prefix(200))"
    }
}

/// Waiting for a condition.
enum Wait {
    /// Asks every 20 ms until it holds; false where time ran out.
    ///
    /// The time tells what hangs from what is slow, on a machine that has much else to do: it is a
    /// minute or more wherever running out of it fails a test.
    static func until(seconds: Double, _ condition: () -> Bool) -> Bool {
        let deadline = Clock.milliseconds() + Int64(seconds * 1000)
        while !condition() {
            if Clock.milliseconds() > deadline { return false }
            _ = try? Descriptors.poll([], milliseconds: 20)
        }
        return true
    }
}
