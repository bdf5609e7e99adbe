import FileSystemLab
import Foundation
import Platform
import Testing

/// Block devices as sources: only root has one to spare.
@Suite(.tags(.system), .serialized, .enabled(if: Settings.isRoot, "not run: needs root"))
struct DeviceTests {
    @Test func `a block device is mounted, and refused twice`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: try FileSystem.named("ext4"), into: causeway.folder)
            let device =
                try Command.require("losetup", ["--find", "--show", image]).stdout
                .split(separator: "\n").first.map(String.init) ?? ""
            defer { _ = try? Command.run("losetup", ["--detach", device]) }
            let content = Content(size: 400_000, seed: 2).bytes
            try causeway.withMount(device, ["--write"]) { mounted in
                try mounted.path("new").write(content)
                let second = try causeway.run(
                    ["mount", device, try causeway.makeMountpoint("second")])
                #expect(second.status == 5, "\(second)")
            }
            try FileSystem.named("ext4").checkImage(device)
            try causeway.withMount(device) { mounted in
                let found = try mounted.path("new").read()
                #expect(found == content)
            }
        }
    }

    @Test func `a device that the host has mounted is refused`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: try FileSystem.named("ext4"), into: causeway.folder)
            let mountpoint = try causeway.makeMountpoint("native")
            let native = try Command.run("mount", ["-o", "loop", image, mountpoint])
            try #require(native.isSuccess, "\(native)")
            defer { _ = try? Command.run("umount", ["-d", mountpoint]) }
            let device =
                try Command.require("findmnt", ["-no", "SOURCE", mountpoint]).stdout
                .split(separator: "\n").first.map(String.init) ?? ""
            for (source, options) in [(device, ["--write"]), (device, []), (image, ["--write"])] {
                let outcome = try causeway.run(
                    ["mount", source, try causeway.makeMountpoint()] + options)
                #expect(outcome.status == 5, "\(outcome)")
                #expect(outcome.stderr.contains("in use by this host"), "\(outcome)")
            }
        }
    }
}
