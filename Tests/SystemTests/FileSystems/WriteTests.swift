import FileSystemLab
import Platform
import Testing

/// What applications write is on the image, whole, and the file system's own checker agrees.
@Suite(.tags(.system)) struct WriteTests {
    @Test(arguments: FileSystem.table.filter(\.writable))
    func `every kind of change survives unmount, check and a fresh mount`(
        fileSystem: FileSystem
    ) throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let expected = try Self.reference(fileSystem, in: causeway.folder)
            try causeway.withMount(image, ["--write"]) { mounted in
                let work = WriteWork(in: mounted.folder, traits: fileSystem.written)
                try work.perform()
                try work.settleTimes()
                try Self.compare(try mounted.manifest(), expected, fileSystem, "before unmount")
            }
            #expect(throws: Never.self) { try fileSystem.checkImage(image) }
            try causeway.withMount(image) { mounted in
                try Self.compare(try mounted.manifest(), expected, fileSystem, "after remount")
            }
            if fileSystem.check == nil, let driver = fileSystem.driver {
                let found = try Oracle.manifest(of: image, driver: driver)
                try Self.compare(found, expected, fileSystem, "in another kernel")
            }
        }
    }

    /// The same work in a plain folder.
    private static func reference(_ fileSystem: FileSystem, in folder: String) throws -> Manifest {
        let path = "\(folder)/reference"
        let tree = try Lab.tree(for: fileSystem.traits)
        try Command.require("cp", ["-a", tree.path, path])
        let work = WriteWork(in: path, traits: fileSystem.written)
        try work.perform()
        try work.settleTimes()
        return try Manifest(of: path)
    }

    private static func compare(
        _ found: Manifest, _ expected: Manifest, _ fileSystem: FileSystem, _ moment: String
    ) throws {
        var traits = fileSystem.written
        // Where the filled tree lost its times, only those of the changed files can be compared.
        if fileSystem.traits.times == .none { traits.times = .none }
        let comparison = Comparison(
            found: found.without(fileSystem.own), expected: expected, traits: traits)
        #expect(comparison.isSame, "\(moment): \(comparison)")
    }
}
