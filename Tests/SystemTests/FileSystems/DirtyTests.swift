import FileSystemLab
import Foundation
import Platform
import Testing

/// Journals that were not replayed: the mount shows the replayed state, and the source keeps its
/// bytes.
@Suite(.tags(.system)) struct DirtyTests {
    @Test(arguments: ["ext4", "ext3", "xfs", "f2fs", "reiserfs"])
    func `a dirty journal is replayed in the overlay, not on the source`(name: String) throws {
        let fileSystem = try FileSystem.named(name)
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let mounted = try causeway.mount(image, ["--write"])
            try Acknowledged.write(in: mounted)
            try mounted.kill("machine")
            _ = try causeway.run(["unmount", mounted.folder, "--force"])
            try Self.expectState("dirty", of: image, causeway)
            try Acknowledged.expect(on: image, causeway)
            try Self.expectState("dirty", of: image, causeway)
            try causeway.withMount(image, ["--write"]) { _ in }
            try Self.expectState("clean", of: image, causeway)
            try fileSystem.checkImage(image)
        }
    }

    private static func expectState(
        _ state: String, of image: String, _ causeway: Causeway
    ) throws {
        let outcome = try causeway.run(["probe", image, "--json"])
        let document = try JSONSerialization.jsonObject(with: Data(outcome.output))
        #expect(ProbeTests.values(of: "state", in: document).contains(state), "\(outcome)")
    }

    /// What the folder `j` of the sample images must show after the replay.
    private static let samples = [
        ("ext4", 41, 11), ("reiserfs", 41, 11), ("xfs4", 41, 11), ("xfs5", 41, 11), ("f2fs", 31, 1),
    ]

    @Test(.enabled(if: Settings.samples != nil, "not run: no samples"), arguments: samples)
    func `journals made dirty by other kernels are replayed`(
        name: String, entries: Int, later: Int
    ) throws {
        let samples = try #require(Settings.samples)
        try Causeway.scoped { causeway in
            let image = "\(causeway.folder)/dirty.img"
            try Command.shell(
                "xz -dc \"$1\" >\"$2\"", ["\(samples)/dirty/dirty-\(name).img.xz", image])
            let before = try Lab.sha256(image)
            try causeway.withMount(image) { mounted in
                let names = try Files.list("\(mounted.folder)/j")
                #expect(names.count == entries)
                #expect(names.count { $0.hasPrefix("g") } == later)
            }
            #expect(try Lab.sha256(image) == before)
        }
    }
}
