import Platform

/// Programs of the host that the builder runs: found in fixed folders, with a fixed environment.
enum Tool {
    /// Bounds of one run.
    enum Limits {
        /// Longest line handed on, in bytes; the rest of a longer one is dropped.
        static let line = 4096
        /// Lines of output kept for an error.
        static let tail = 20
        /// Time for everything but a compilation, in milliseconds.
        static let milliseconds: Int64 = 30 * 60_000
    }

    /// Where programs are looked for: the system's own folders only.
    static let folders = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]

    /// The whole environment of a run: nothing of the user's settings reaches a build.
    static let environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"]

    /// The absolute path of a program; nil where it is not installed.
    ///
    /// An absolute path is looked for as it is, and need not be a program.
    static func find(_ name: String) -> String? {
        if name.hasPrefix("/") { return Files.exists(name) ? name : nil }
        return folders.lazy.map { "\($0)/\(name)" }.first(where: Files.isExecutable)
    }

    /// Checks that programs are there.
    ///
    /// The error names all packages that are missing.
    static func require(_ needs: [(program: String, package: String)]) throws(ApplianceError) {
        let missing = needs.filter { find($0.program) == nil }
        guard !missing.isEmpty else { return }
        let programs = missing.map(\.program).joined(separator: ", ")
        let packages = Set(missing.map(\.package)).sorted().joined(separator: " ")
        throw ApplianceError(
            "Building needs programs that are not installed: \(programs)",
            remedy: "Install them: `sudo apt-get install \(packages)`.")
    }

    /// Runs a program to its end and hands every line of its output and errors to `onLine`.
    ///
    /// Blocks. Throws where it does not exit with 0, with its last lines; kills it after
    /// `milliseconds`. It dies with this process.
    static func run(
        _ name: String, _ arguments: [String], package: String,
        milliseconds: Int64 = Limits.milliseconds, onLine: (String) -> Void = { _ in }
    ) throws(ApplianceError) {
        guard let path = find(name) else {
            throw ApplianceError(
                "\(name) is not installed", remedy: "`sudo apt-get install \(package)`.")
        }
        var lines = LineSplitter()
        do {
            let (child, reader) = try start(path, arguments)
            let deadline = Clock.milliseconds() + milliseconds
            while true {
                let left = Int32(clamping: max(0, deadline - Clock.milliseconds()))
                guard try Descriptors.waitReadable(reader.raw, milliseconds: left) else {
                    try child.killAndWait()
                    throw late(name, milliseconds)
                }
                let bytes = try Descriptors.readSome(reader.raw, limit: 1 << 16)
                lines.take(bytes, onLine: onLine)
                if bytes.isEmpty { break }
            }
            let left = Int32(clamping: max(0, deadline - Clock.milliseconds()))
            guard let end = try child.wait(milliseconds: left) else {
                try child.killAndWait()
                throw late(name, milliseconds)
            }
            guard end.isSuccess else {
                throw ApplianceError(
                    "\(name) ended with \(end): \(lines.tail.joined(separator: "\n"))",
                    remedy: "Correct what it complains of and build again.")
            }
        } catch let error as ApplianceError {
            throw error
        } catch {
            throw ApplianceError(
                "\(name) could not be run: \(error)", remedy: "Check the system and build again.")
        }
    }

    /// Runs a program and returns what it printed, its errors with it.
    static func output(
        _ name: String, _ arguments: [String], package: String
    ) throws(ApplianceError) -> [String] {
        var lines: [String] = []
        try run(name, arguments, package: package) { lines.append($0) }
        return lines
    }

    private static func late(_ name: String, _ milliseconds: Int64) -> ApplianceError {
        ApplianceError(
            "\(name) did not end within \(milliseconds / 60_000) minutes",
            remedy: "Build again when the machine is less busy.")
    }

    /// Only the child keeps the writing end: the end of the output is the end of the child.
    private static func start(
        _ path: String, _ arguments: [String]
    ) throws(SystemError) -> (ChildProcess, OwnedFD) {
        let (reader, writer) = try Descriptors.pipe()
        let child = try ChildProcess(
            SpawnOptions(
                path: path, arguments: arguments, environment: environment,
                descriptors: [-1, writer.raw, writer.raw], diesWithParent: true))
        return (child, reader)
    }
}

/// Cuts a stream of bytes into lines and keeps the last of them.
struct LineSplitter {
    private var partial: [UInt8] = []
    /// The last lines, oldest first.
    private(set) var tail: [String] = []

    /// Takes bytes; none mean the end of the stream.
    mutating func take(_ bytes: [UInt8], onLine: (String) -> Void) {
        if bytes.isEmpty {
            if !partial.isEmpty { finish(onLine) }
            return
        }
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                finish(onLine)
            } else if partial.count < Tool.Limits.line {
                partial.append(byte)
            }
        }
    }

    private mutating func finish(_ onLine: (String) -> Void) {
        let line = String(decoding: partial, as: UTF8.self)
        partial.removeAll(keepingCapacity: true)
        if tail.count == Tool.Limits.tail { tail.removeFirst() }
        tail.append(line)
        onLine(line)
    }
}
