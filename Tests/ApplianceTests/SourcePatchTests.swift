import Platform
import Testing

@testable import Appliance

@Suite struct SourcePatchTests {
    private let patch = SourcePatch(
        name: "a.patch",
        bytes: Array("--- a/dir/f\n+++ b/dir/f\n@@ -1,2 +1,3 @@\n one\n+set\n two\n".utf8),
        file: "dir/f", correctedSign: "set")

    @Test func `a source is corrected once`() throws {
        let folder = try TemporaryFolder()
        try folder.write("dir/f", "one\ntwo\n")
        let cache = BuildCache(directory: folder.path)
        for _ in 0..<2 {
            try patch.apply(to: folder.path, cache: cache)
            #expect(try Files.readText("\(folder.path)/dir/f") == "one\nset\ntwo\n")
        }
    }

    @Test func `a source that the distribution corrected is left alone`() throws {
        let folder = try TemporaryFolder()
        try folder.write("dir/f", "other lines that set it\n")
        try patch.apply(to: folder.path, cache: BuildCache(directory: folder.path))
        #expect(try Files.readText("\(folder.path)/dir/f") == "other lines that set it\n")
    }

    @Test func `a source that the patch does not fit is an error`() throws {
        let folder = try TemporaryFolder()
        let cache = BuildCache(directory: folder.path)
        #expect(throws: ApplianceError.self) { try patch.apply(to: folder.path, cache: cache) }
        try folder.write("dir/f", "three\nfour\n")
        #expect(throws: ApplianceError.self) { try patch.apply(to: folder.path, cache: cache) }
    }

    @Test func `every patch names the file that it corrects`() {
        for patch in SourcePatch.all {
            let text = String(decoding: patch.bytes, as: UTF8.self)
            #expect(text.contains("+++ b/\(patch.file)\n"))
            #expect(text.contains(patch.correctedSign))
        }
    }
}
