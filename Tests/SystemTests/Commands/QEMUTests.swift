import FileSystemLab
import Foundation
import Testing

/// The smaller suite through QEMU's own translator, which runs everywhere and is slow.
@Suite(.tags(.system), .serialized) struct QEMUTests {
    @Test func `reads, writes and detaches through QEMU`() throws {
        let fileSystem = try FileSystem.named("ext4")
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let content = Content(size: 2_000_000, seed: 9).bytes
            let mounted = try causeway.mount(
                image, ["--write", "--via", "qemu-tcg"], seconds: 200)
            let found = try mounted.path("big/text").read()
            #expect(found == Content(size: 3 << 20, seed: 4).bytes)
            try mounted.path("new").write(content)
            try causeway.unmount(mounted.folder, seconds: 200)
            try fileSystem.checkImage(image)
            try causeway.withMount(image) { again in
                let found = try again.path("new").read()
                #expect(found == content)
            }
        }
    }

    @Test(arguments: ["exfat", "minix3", "squashfs"])
    func `other drivers are there too`(name: String) throws {
        let fileSystem = try FileSystem.named(name)
        let tree = try Lab.tree(for: fileSystem.traits)
        try Causeway.scoped { causeway in
            let mounted = try causeway.mount(
                try causeway.copy(name), ["--via", "qemu-tcg"], seconds: 200)
            let path = "\(mounted.folder)/big/noise"
            let sum = try Lab.sha256(path)
            #expect(sum == tree.manifest.entries[Array("big/noise".utf8)]?.sha256)
            try causeway.unmount(mounted.folder, seconds: 200)
        }
    }

    @Test func `a hypervisor that is not there is an error that says which are`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let outcome = try causeway.run(
                ["mount", image, try causeway.makeMountpoint(), "--via", "vmware"])
            #expect([4, 64].contains(outcome.status), "\(outcome)")
            #expect(outcome.stderr.contains("hypervisors") || outcome.stderr.contains("uml"))
        }
    }
}
