import ArgumentParser
import FoundationEssentials
import Platform
import Sessions

/// What commands print: results on standard output, progress and errors on standard error.
enum Output {
    /// Prints a value as one JSON document.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Writes out what was printed; returns the program's exit code.
    static func finish() -> Int32 {
        do { try Host.flushOutput() } catch {
            complain("causeway: what it had to say could not be written: \(error)")
            return 1
        }
        return 0
    }

    /// Writes a line to standard error.
    static func complain(_ text: String) {
        try? Files.writeAll(Array((text + "\n").utf8), to: 2)
    }

    /// Ends a command with a session's error: in words, or as JSON where that was asked for.
    static func fail(_ error: SessionError, json: Bool) -> ExitCode {
        if json {
            try? Output.json(["error": error])
        } else {
            complain("causeway: \(error)")
        }
        return CausewayExit.code(for: error.exit)
    }

    /// Runs a command's work and turns a session's error into its exit code.
    static func reporting<Value>(json: Bool, _ work: () throws -> Value) throws -> Value {
        do { return try work() } catch let error as SessionError {
            throw fail(error, json: json)
        } catch let error as SystemError {
            throw fail(SessionError(.host, "\(error)", remedy: ""), json: json)
        }
    }
}

/// One line on the terminal that shows the phase and the time; silent where there is no terminal.
final class ProgressLine {
    private let isShown: Bool
    private let start = Clock.milliseconds()
    private var hasLine = false

    /// `quiet` keeps it silent on a terminal too.
    init(quiet: Bool) { isShown = !quiet && Host.isTerminal(2) }

    /// Shows a phase.
    func show(_ phase: String) {
        guard isShown else { return }
        let tenths = (Clock.milliseconds() - start) / 100
        write("\r\u{1B}[K\(phase)… \(tenths / 10).\(tenths % 10) s")
        hasLine = true
    }

    /// Removes the line.
    func clear() {
        guard hasLine else { return }
        write("\r\u{1B}[K")
        hasLine = false
    }

    private func write(_ text: String) { try? Files.writeAll(Array(text.utf8), to: 2) }
}
