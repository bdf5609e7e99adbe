import FileSystemLab
import Foundation
import Testing

/// Every file system is read exactly, and its image is not touched.
@Suite(.tags(.system)) struct ReadTests {
    @Test(arguments: FileSystem.table)
    func `a mounted tree equals the one that was put in, and the source stays as it was`(
        fileSystem: FileSystem
    ) throws {
        let tree = try Lab.tree(for: fileSystem.traits)
        try Causeway.scoped { causeway in
            let image = try causeway.copy(fileSystem.name)
            let before = try Lab.sha256(image)
            try causeway.withMount(image) { mounted in
                let found = try mounted.manifest().without(fileSystem.own)
                let comparison = Comparison(
                    found: found, expected: tree.manifest, traits: fileSystem.traits)
                #expect(comparison.isSame, "\(comparison)")
                #expect(try errnoOf { try mounted.path("new").write([1]) } == EROFS)
            }
            #expect(try Lab.sha256(image) == before)
        }
    }
}
