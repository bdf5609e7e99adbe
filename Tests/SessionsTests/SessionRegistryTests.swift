import Platform
import Testing

@testable import Sessions

@Suite struct SessionRegistryTests {
    private func record(_ id: String, source: String = "/disk.img") -> SessionRecord {
        SessionRecord(
            id: id, source: source, sourceIdentity: "1:2", mountpoint: "/nowhere/\(id)",
            removesMountpoint: false, mode: .readOnly, state: .usable, failure: nil,
            hypervisor: "uml", processes: ["session": 1], volumes: [], started: 1, phases: [])
    }

    @Test func `a claimed session is alive, a released one is dead`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        var claim: OwnedFD? = try registry.claim("disk-1")
        try registry.write(record("disk-1"))
        #expect(registry.record(of: "disk-1")?.state == .usable)
        #expect(registry.holder(ofSource: "1:2")?.id == "disk-1")
        withExtendedLifetime(claim) {}
        claim = nil
        #expect(try soon { registry.record(of: "disk-1")?.state == .dead })
        #expect(registry.holder(ofSource: "1:2") == nil)
    }

    @Test func `a session is found by name, folder and source`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let claim = try registry.claim("disk-1")
        try registry.write(record("disk-1"))
        #expect(registry.find("disk-1")?.id == "disk-1")
        #expect(registry.find("/nowhere/disk-1")?.id == "disk-1")
        #expect(registry.find("/disk.img")?.id == "disk-1")
        #expect(registry.find("/other.img") == nil)
        withExtendedLifetime(claim) {}
    }

    @Test func `a record that is not JSON is passed over`() throws {
        let temporary = try TemporaryFolder()
        let registry = SessionRegistry(folders: temporary.folders)
        let claim = try registry.claim("disk-1")
        try Files.replace("\(registry.folder(of: "disk-1"))/session.json", with: [0x7b])
        #expect(registry.list().isEmpty)
        withExtendedLifetime(claim) {}
    }

    @Test func `what another user has put in the place of the runtime folder is left alone`() throws
    {
        let temporary = try TemporaryFolder()
        let folders = temporary.folders
        let victim = "\(temporary.path)/home"
        let kept = "\(victim)/sessions/documents/letter"
        try Files.makeDirectories("\(victim)/sessions/documents")
        try Files.replace(kept, with: [1])
        let script = "touch -d 2020-01-01 \(victim)/sessions/documents; ln -s \(victim) $0"
        let (end, _) = try ChildProcess.run(
            SpawnOptions(path: "/bin/sh", arguments: ["-c", script, folders.runtime]))
        #expect(end.isSuccess)
        let registry = SessionRegistry(folders: folders)
        #expect(registry.list().isEmpty)
        #expect(Files.exists(kept))
        #expect(throws: SessionError.self) { try folders.checkRuntime(user: Host.user) }
        #expect(throws: SessionError.self) { try folders.prepareRuntime(user: Host.user) }
        #expect(try Files.list(victim) == ["sessions"])
    }

    @Test func `a runtime folder that others may enter is refused`() throws {
        let temporary = try TemporaryFolder()
        let folders = temporary.folders
        try Files.makeDirectories(folders.runtime, mode: 0o777)
        try Files.setMode(folders.runtime, 0o755)
        #expect(throws: SessionError.self) { try folders.prepareRuntime(user: Host.user) }
        try Files.setMode(folders.runtime, 0o700)
        try folders.prepareRuntime(user: Host.user)
    }
}
