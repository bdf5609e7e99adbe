import Platform
import Testing

@testable import FileSystemLab

@Suite struct LabFolderTests {
    @Test func `goes with its process`() async throws {
        let scratch = try Scratch()
        await #expect(processExitsWith: .success) { [path = scratch.path as String] in
            let folder = try LabFolder.make(below: path)
            try Files.makeDirectories("\(folder)/full/of/folders", mode: 0o500)
        }
        #expect(try Files.list(scratch.path) == [])
    }

    @Test func `what a killed process left is removed, what a living one has is not`() throws {
        let scratch = try Scratch()
        // Past every number that a process can have.
        let dead = "\(scratch.path)/\(LabFolder.prefix)99999999"
        try Files.makeDirectories("\(dead)/images")
        let claimed = "\(scratch.path)/\(LabFolder.prefix)99999998"
        try Files.makeDirectories(claimed)
        let claim = try Files.open(claimed, [.readOnly, .directory])
        #expect(try Files.claim(claim))
        try Files.makeDirectories("\(scratch.path)/\(LabFolder.prefix)1")
        let path = try LabFolder.make(below: scratch.path)
        #expect(!Files.exists(dead))
        #expect(Files.exists(claimed) && Files.exists(path))
        #expect(Files.exists("\(scratch.path)/\(LabFolder.prefix)1"))
    }
}
