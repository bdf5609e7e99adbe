import ClientGuest
import FileSystemLab
import Foundation
import Platform
import Testing

/// A source that the program exports.
struct Exported {
    /// Where clients find it.
    let urls: [String]
    /// The session's name.
    let session: String
    /// The device of this host, or the file.
    let device: String?
    /// The session's processes by role.
    let processes: [String: Int32]

    /// The path of the device, or of the file.
    func path() throws -> String { try #require(device, "no device") }

    /// The first URL that begins like this.
    func url(_ scheme: String) throws -> String {
        try #require(urls.first { $0.hasPrefix(scheme) }, "no \(scheme) in \(urls)")
    }
}

extension Causeway {
    /// Exports a source; fails the test where that fails.
    func export(
        _ source: String, _ options: [String], in network: GuestNetwork? = nil
    ) throws -> Exported {
        let outcome = try run(["export", source, "--json"] + options, in: network)
        return try exported(outcome)
    }

    /// What `export --json` said; fails the test where it failed.
    func exported(_ outcome: Outcome) throws -> Exported {
        try #require(outcome.isSuccess, "\(outcome)")
        let record = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any])
        let processes = try #require(record["processes"] as? [String: Int])
            .mapValues { Int32($0) }
        remember(processes.values)
        return Exported(
            urls: try #require(record["urls"] as? [String]),
            session: try #require(record["id"] as? String),
            device: (record["device"] as? [String: Any])?["path"] as? String,
            processes: processes)
    }

    /// Exports, runs a body, and always ends the export; expects a clean receipt.
    func withExport(
        _ source: String, _ options: [String], _ body: (Exported) throws -> Void
    ) throws {
        let exported = try export(source, options)
        do { try body(exported) } catch {
            _ = try? run(["unmount", exported.session, "--force"])
            throw error
        }
        try unmount(exported.session)
    }
}
