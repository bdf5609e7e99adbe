import Platform
import Testing

@testable import Sessions

@Suite struct SessionClientTests {
    /// A session whose process lives for so many seconds, and that cuts the line when it is asked.
    private func makeSession(
        _ registry: SessionRegistry, seconds: String
    ) throws -> (record: SessionRecord, process: ChildProcess) {
        let process = try ChildProcess(SpawnOptions(path: "/bin/sleep", arguments: [seconds]))
        let record = SessionRecord(
            id: "disk-1", source: "/disk.img", sourceIdentity: "1:2", mountpoint: "",
            removesMountpoint: false, mode: .readOnly, state: .usable, failure: nil,
            hypervisor: "", processes: ["session": process.id], volumes: [], started: 1, phases: [])
        try Files.makeDirectories(registry.folder(of: record.id), mode: 0o700)
        try registry.write(record)
        let listener = try UnixSocket.listen(at: "\(registry.folder(of: record.id))/control")
        try WorkerThread.start { _ = try? UnixSocket.accept(listener) }
        return (record, process)
    }

    @Test func `a session that dies while it is asked to end is tidied up`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let session = try makeSession(registry, seconds: "0.2")
        let client = SessionClient(registry: registry)
        let receipt = try client.unmount(session.record, force: false) { _ in }
        #expect(receipt.steps.last?.evidence.contains("had ended") == true)
        #expect(!Files.exists(registry.folder(of: "disk-1")))
        #expect(try session.process.wait(milliseconds: 0)?.isSuccess == true)
    }

    @Test func `a session that does not answer and lives on is left alone`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let session = try makeSession(registry, seconds: "60")
        let client = SessionClient(registry: registry)
        #expect(throws: SessionError.self) {
            try client.unmount(session.record, force: false) { _ in }
        }
        #expect(Files.exists(registry.folder(of: "disk-1")))
        try session.process.killAndWait()
    }
}
