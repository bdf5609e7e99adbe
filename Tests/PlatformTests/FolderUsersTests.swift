import Platform
import Testing

@Suite struct FolderUsersTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test func `names the process that has a file open below the folder`() throws {
        let path = "\(scratch.path)/held"
        try Files.replace(path, with: [1])
        let held = try Files.open(path, .readOnly)
        let users = FolderUsers.find(below: scratch.path)
        #expect(users.contains { $0.process == Host.process && $0.holds == "open file \(path)" })
        withExtendedLifetime(held) {}
    }

    @Test func `names the process that stands in the folder`() throws {
        let (reader, writer) = try Descriptors.pipe()
        let child = try ChildProcess(
            SpawnOptions(
                path: "/bin/sh", arguments: ["-c", "cd \(scratch.path) && echo && exec sleep 60"],
                descriptors: [-1, writer.raw, -1]))
        _ = try Descriptors.readSome(reader.raw, limit: 8)
        let users = FolderUsers.find(below: scratch.path)
        #expect(
            users.contains {
                $0.process == child.id && $0.holds == "current folder \(scratch.path)"
            })
        try child.killAndWait()
    }

    @Test func `a folder whose name merely begins alike is not meant`() throws {
        let other = "\(scratch.path)-other"
        try Files.replace(other, with: [1])
        let held = try Files.open(other, .readOnly)
        #expect(!FolderUsers.find(below: scratch.path).contains { $0.process == Host.process })
        withExtendedLifetime(held) {}
        try Files.remove(other)
    }
}
