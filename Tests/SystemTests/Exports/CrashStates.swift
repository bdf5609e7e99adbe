import BlockDevice
import BlockDevices
import BlockFilters
import Bytes
import FileSystemLab
import Platform

/// Disks that a crash may have left behind, made from the record of an export.
struct CrashStates {
    /// One of them.
    struct State {
        /// The disk.
        var path: String
        /// How many of the workload's steps were acknowledged before the crash.
        var acknowledged: Int
        /// Where in the record the crash was, and what was lost, for a test's report.
        var words: String
    }

    /// What is to be made.
    private enum Crash {
        /// Everything up to an entry is there, nothing else.
        case prefix(Int)
        /// The same, and a part of what was pending: whole writes, torn ones, none.
        case pending(Int, seed: UInt64)

        var count: Int {
            switch self {
            case .prefix(let count), .pending(let count, _): count
            }
        }
    }

    private let replay: CrashReplay
    private let folder: String
    /// How many entries there are before and including each mark.
    private let marks: [Int]
    private let crashes: [Crash]

    /// Chooses so many crashes after flushes and so many between them, evenly from the whole
    /// record; all of them where there are no more.
    ///
    /// `place` is where the workload's marks are.
    init(record: String, place: UInt64, after: Int, between: Int, in folder: String) throws {
        replay = CrashReplay(try BlockLog(try Files.open(record, .readOnly)))
        self.folder = folder
        let entries = replay.log.entries
        marks = entries.indices
            .filter { entries[$0].kind == .write && entries[$0].range.offset == place }
            .map { $0 + 1 }
        guard let first = marks.first else { throw LabError("no mark in \(record)") }
        let flushes = replay.flushes.filter { $0 >= first }
        let moments = (first...entries.count).filter { [replay] in
            !replay.pending(after: $0).isEmpty
        }
        // Where there are fewer moments than crashes, each is tried with several seeds.
        let seeds = max(1, between / max(1, moments.count))
        crashes =
            (Self.some(after, of: flushes).map { .prefix($0) }
            + Self.some(between, of: moments).flatMap { count in
                (0..<seeds).map { .pending(count, seed: UInt64(count) << 16 | UInt64($0)) }
            }).sorted { $0.count < $1.count }
    }

    /// What the record holds, for a report.
    var words: String {
        "\(replay.log.entries.count) entries, \(replay.flushes.count) flushes, "
            + "\(marks.count - 1) steps, \(crashes.count) crashes"
    }

    private static func some(_ count: Int, of all: [Int]) -> [Int] {
        guard all.count > count else { return all }
        return (0..<count).map { all[($0 * 2 + 1) * all.count / (count * 2)] }
    }

    /// Makes the disks, and hands them out in batches; each batch is removed behind it.
    func batches(of size: Int, _ body: ([State]) throws -> Void) throws {
        let base = "\(folder)/base.img"
        try RawPath(base).write([])
        try RawPath(base).truncate(to: replay.log.deviceSize)
        let device = try FileDevice(path: base, options: .init(isWritable: true))
        var done = 0
        var states: [State] = []
        for (number, crash) in crashes.enumerated() {
            let sure =
                switch crash {
                case .prefix(let count): count
                case .pending(let count, _): replay.pending(after: count).lowerBound
                }
            if done < sure { try replay.apply(done..<sure, to: device) }
            done = max(done, sure)
            states.append(try make(crash, number: number, from: base))
            if states.count == size || number == crashes.count - 1 {
                try body(states)
                for state in states { try Files.remove(state.path) }
                states = []
            }
        }
    }

    private func make(_ crash: Crash, number: Int, from base: String) throws -> State {
        let path = "\(folder)/state-\(number).img"
        try Command.require("cp", ["--sparse=always", "--reflink=auto", base, path])
        if case .pending(let count, let seed) = crash {
            let device = try FileDevice(path: path, options: .init(isWritable: true))
            var generator = SeededGenerator(seed: seed)
            try replay.applyPending(after: count, to: device, using: &generator)
        }
        return State(
            path: path, acknowledged: marks.count { $0 <= crash.count } - 1, words: "\(crash)")
    }
}
