import Platform

/// The session's log file: the guest's console, the helpers' complaints, and our own lines.
///
/// Everybody appends to the same open file, so the order is the order of events.
final class SessionLog {
    private let descriptor: OwnedFD
    private let start = Clock.milliseconds()

    /// Opens the log of a session for appending.
    init(path: String) throws(SystemError) {
        descriptor = try Files.open(path, [.readWrite, .create, .append])
    }

    /// For child processes to write to.
    var raw: Int32 { descriptor.raw }

    /// Adds a line with the time since the session's start.
    func note(_ text: String) {
        let line = "causeway [\(Clock.milliseconds() - start) ms] \(text)\n"
        try? Files.writeAll(Array(line.utf8), to: descriptor.raw)
    }

    /// The last lines, for an error's details.
    func tail(lines count: Int) -> [String] {
        guard let status = try? Files.status(descriptor) else { return [] }
        let want = 16_384
        let offset = status.size > UInt64(want) ? status.size - UInt64(want) : 0
        let bytes = (try? Files.read(descriptor, at: offset, count: want)) ?? []
        let text = String(decoding: bytes, as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).suffix(count).map(String.init)
    }
}
