public import FileSystemLab
import Platform

/// A guest that runs, and what it has said.
///
/// One thread.
public final class RunningGuest {
    /// A folder that both sides see, at the same path; in the guest `$shared`.
    public var shared: String { folder.path + "/shared" }
    private let command: RunningCommand
    private let folder: Scratch
    private let network: GuestNetwork
    private let started = Clock.milliseconds()

    init(_ command: RunningCommand, shared: Scratch, network: GuestNetwork) {
        self.command = command
        folder = shared
        self.network = network
    }

    /// What the script printed so far, once there is more or the time is up.
    public func output(waiting milliseconds: Int64 = 0) throws -> [UInt8] {
        let before = command.outputs[0].count
        let deadline = Clock.milliseconds() + milliseconds
        while try !command.collect(until: Clock.milliseconds() + 5),
            command.outputs[0].count == before, Clock.milliseconds() < deadline
        {}
        return command.outputs[0]
    }

    /// Waits until the script has printed a line that begins so; returns the line.
    public func line(_ start: String, seconds: Int) throws -> String {
        let deadline = Clock.milliseconds() + Int64(seconds) * 1000
        while true {
            let ended = try command.collect(until: Clock.milliseconds() + 20)
            let lines = String(decoding: command.outputs[0], as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false)
            if let line = lines.dropLast().first(where: { $0.hasPrefix(start) }) {
                return String(line)
            }
            guard !ended, Clock.milliseconds() < deadline else {
                throw LabError(
                    "the guest did not say \(start): \(try finish(seconds: 0))")
            }
        }
    }

    /// Waits for the end; kills the guest, and ends its network, when the time is up.
    public func finish(seconds: Int) throws -> Outcome {
        let deadline = Clock.milliseconds() + Int64(seconds) * 1000
        let finished = try command.collect(until: deadline)
        if !finished { network.close() }
        let end = try command.process.wait(milliseconds: 60_000)
        if end == nil { _ = try command.process.killAndWait() }
        let status = try? Files.readText("\(folder.path)/status", limit: 16)
        guard let code = status.flatMap({ Int32($0.filter(\.isNumber)) }) else {
            let log = String(decoding: command.outputs[0] + command.outputs[1], as: UTF8.self)
            throw LabError(
                finished
                    ? "the guest ended by itself: \(log.suffix(3000))"
                    : "the guest was killed after \(seconds) s: \(log.suffix(3000))")
        }
        return Outcome(
            command: "script in a guest", end: .exited(code), output: command.outputs[0],
            errors: command.outputs[1], milliseconds: Clock.milliseconds() - started,
            timedOut: !finished)
    }
}
