import FileSystemLab
import Foundation
import Testing

/// Something is missing on the host: an error says which switch or package.
@Suite(.tags(.system)) struct HostLacksTests {
    private let scratch: Scratch
    private let image: String

    init() throws {
        scratch = try Scratch("image")
        image = try Lab.copy(of: try FileSystem.named("squashfs"), into: scratch.path)
    }

    /// Runs a mount in a sandbox where something is hidden, and expects words in its error.
    private func expectError(hiding flags: [String], naming words: [String]) throws {
        try Causeway.scoped { causeway in
            let mountpoint = try causeway.makeMountpoint()
            let outcome = try Command.run(
                "bwrap",
                ["--die-with-parent", "--dev-bind", "/", "/"] + flags + [
                    "--", Settings.program, "mount", image, mountpoint, "--via",
                    Settings.hypervisor,
                ], environment: causeway.environment, seconds: 60)
            #expect(outcome.status == 6, "\(outcome)")
            for word in words { #expect(outcome.stderr.contains(word), "\(outcome)") }
        }
    }

    private func hide(_ program: String) throws -> [String] {
        ["--ro-bind", "/dev/null", try Command.find(program)]
    }

    @Test func `no device for FUSE`() throws {
        let devices = ["--dev", "/dev", "--dev-bind", "/dev/net/tun", "/dev/net/tun"]
        try expectError(hiding: devices, naming: ["/dev/fuse"])
    }

    @Test func `no device for the link`() throws {
        let devices = ["--dev", "/dev", "--dev-bind", "/dev/fuse", "/dev/fuse"]
        try expectError(hiding: devices, naming: ["/dev/net/tun"])
    }

    @Test func `no fusermount3`() throws {
        guard !Settings.isRoot else { return }
        try expectError(hiding: try hide("fusermount3"), naming: ["fuse3"])
    }

    @Test func `no bubblewrap`() throws {
        try expectError(hiding: try hide("bwrap"), naming: ["bubblewrap"])
    }

    @Test func `no storage daemon`() throws {
        try expectError(
            hiding: try hide("qemu-storage-daemon"), naming: ["qemu-storage-daemon"])
    }

    @Test func `no user namespaces`() throws {
        try expectError(
            hiding: ["--unshare-user", "--disable-userns"], naming: ["user namespace"])
    }

    @Test func `no appliance`() throws {
        try Causeway.scoped(environment: ["CAUSEWAY_APPLIANCE": "/nonexistent/appliance"]) {
            causeway in
            let outcome = try causeway.run(["mount", image, try causeway.makeMountpoint()])
            #expect(outcome.status == 6, "\(outcome)")
            #expect(outcome.stderr.contains("causeway appliance build"), "\(outcome)")
        }
    }
}
