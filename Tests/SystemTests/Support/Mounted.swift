import FileSystemLab
import Foundation
import Platform
import Testing

/// A mounted folder, and what `causeway mount --json` said of its session.
struct Mounted {
    /// The folder.
    let folder: String
    /// Process ids by role: session, machine, bridge, storage.
    let processes: [String: Int32]
    /// The session's name.
    let session: String
    /// The whole record.
    let record: [String: Any]

    init(folder: String, outcome: Outcome) throws {
        self.folder = folder
        let value = try JSONSerialization.jsonObject(with: Data(outcome.output))
        record = try #require(value as? [String: Any], "\(outcome)")
        session = try #require(record["id"] as? String, "\(outcome)")
        let found = try #require(record["processes"] as? [String: Int], "\(outcome)")
        processes = found.mapValues { Int32($0) }
    }

    /// What the folder holds.
    func manifest() throws -> Manifest { try Manifest(of: folder) }

    /// A path below the folder.
    func path(_ name: String) -> RawPath { RawPath(folder).appending(name) }

    /// Kills one of the session's processes.
    func kill(_ role: String) throws {
        let process = try #require(processes[role], "no process \(role) in \(processes)")
        #expect(Glibc.kill(process, SIGKILL) == 0)
    }
}
