import Platform
import Testing

@testable import Sessions

@Suite struct ExportSocketsTests {
    private let temporary: TemporaryFolder
    private let path: String
    private let registry: SessionRegistry
    private var sockets: ExportSockets { ExportSockets(registry: registry) }

    init() throws {
        temporary = try TemporaryFolder()
        path = "\(temporary.path)/disk.sock"
        registry = SessionRegistry(folders: temporary.folders)
        try registry.folders.prepareRuntime(user: Host.user)
    }

    /// Writes the record of a session that serves the socket, and returns its claim.
    private func begin(_ id: String) throws -> (claim: OwnedFD, record: SessionRecord) {
        let claim = try registry.claim(id)
        var record = SessionRecord(
            id: id, source: "/disk.img", sourceIdentity: "1:2", mountpoint: "",
            removesMountpoint: false, mode: .readOnly, state: .usable, failure: nil,
            hypervisor: "", processes: ["session": 1], volumes: [], started: 1, phases: [])
        record.sockets = [path]
        try registry.write(record)
        return (claim, record)
    }

    @Test func `the socket of a dead session is taken over, once nobody serves it`() throws {
        var listener: OwnedFD? = try sockets.listen(at: path)
        var session: (claim: OwnedFD, record: SessionRecord)? = try begin("disk-1")
        let record = try #require(session?.record)
        #expect(throws: SystemError.self) { try sockets.listen(at: path) }
        // The session is dead, and its server is not yet.
        withExtendedLifetime(session) {}
        session = nil
        #expect(throws: SystemError.self) { try sockets.listen(at: path) }
        sockets.removeLeft(by: record)
        #expect(try UnixSocket.isServed(path))
        withExtendedLifetime(listener) {}
        listener = nil
        #expect(try soon { try !UnixSocket.isServed(path) })
        #expect(try soon { registry.record(of: record.id)?.state == .dead })
        let mine = try sockets.listen(at: path)
        // Whoever tidies up after the dead session lets the new one be.
        sockets.removeLeft(by: record)
        #expect(try UnixSocket.isServed(path))
        withExtendedLifetime(mine) {}
    }

    @Test func `the socket of a session that lives, or of nobody's, stays`() throws {
        var listener: OwnedFD? = try sockets.listen(at: path)
        withExtendedLifetime(listener) {}
        listener = nil
        #expect(try soon { try !UnixSocket.isServed(path) })
        #expect(throws: SystemError.self) { try sockets.listen(at: path) }
        let session = try begin("disk-1")
        #expect(throws: SystemError.self) { try sockets.listen(at: path) }
        #expect(try !UnixSocket.isServed(path))
        withExtendedLifetime(session) {}
    }

    @Test func `a file that lies where a dead session's socket was stays`() throws {
        let record = try begin("disk-1").record
        try Files.replace(path, with: [1])
        #expect(throws: SystemError.self) { try sockets.listen(at: path) }
        sockets.removeLeft(by: record)
        #expect(try Files.read(path, limit: 8) == [1])
    }
}
