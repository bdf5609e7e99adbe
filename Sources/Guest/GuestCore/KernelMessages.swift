import Glibc
import Platform

/// The kernel's messages from a moment on, and the agent's own words among them.
struct KernelMessages {
    /// Most lines, and most bytes of one line, that are passed on.
    enum Limits {
        static let lines = 64
        static let lineBytes = 1024
        /// Most records looked at, so that a driver that never stops talking cannot hold us.
        static let records = 512
    }

    private let log: OwnedFD?

    /// Starts now: what the kernel said before is not reported.
    init() {
        log = try? Files.open("/dev/kmsg", [.readOnly, .nonblocking])
        if let log { lseek(log.raw, 0, SEEK_END) }
    }

    /// What the kernel has said since, oldest first, the last lines where there are too many.
    func collect() -> [String] {
        guard let log else { return [] }
        var lines: [String] = []
        var record = [UInt8](repeating: 0, count: 8192)
        for _ in 0..<Limits.records {
            let got = read(log.raw, &record, record.count)
            if got < 0 && errno == EPIPE { continue }
            if got <= 0 { break }
            if let line = Self.text(of: record[..<got]) { lines.append(line) }
        }
        return Array(lines.suffix(Limits.lines))
    }

    /// The text of one /dev/kmsg record: `priority,sequence,time,flags;text\n key=value…`.
    ///
    /// nil for what came from user space, the agent's own lines among it.
    static func text(of record: ArraySlice<UInt8>) -> String? {
        guard let semicolon = record.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let number = String(decoding: record[..<semicolon].prefix { $0 != 0x2c }, as: UTF8.self)
        guard let priority = UInt32(number), priority >> 3 == 0 else { return nil }
        let line = record[(semicolon + 1)...].prefix { $0 != 0x0a }
        return String(decoding: line.prefix(Limits.lineBytes), as: UTF8.self)
    }

    /// Writes a line into the kernel's log, at the level of an error.
    static func note(_ text: String) {
        guard let log = try? Files.open("/dev/kmsg", .writeOnly) else { return }
        try? Files.writeAll(Array("<11>causeway-guest: \(text)\n".utf8), to: log.raw)
    }
}
