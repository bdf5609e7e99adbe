import FileSystemLab
import Foundation
import Platform
import Testing

/// Exports of what is not simply a file of blocks: image formats, and overlays.
@Suite(.tags(.system)) struct ImageExportTests {
    @Test(arguments: ["qcow2", "vmdk", "vdi", "vhdx"])
    func `an image of another format is a disk like any other`(format: String) throws {
        try Causeway.scoped { causeway in
            let raw = try causeway.copy("ext4")
            let image = "\(causeway.folder)/disk.\(format)"
            try Command.require("qemu-img", ["convert", "-f", "raw", "-O", format, raw, image])
            let writes = ["-c", "write -P 7 1M 64k", "-c", "write -P 8 3M 4k", "-c", "flush"]
            try causeway.withExport(image, ["--nbd", "--write", "--format", format]) { exported in
                let url = try exported.url("nbd:")
                try Command.require("qemu-img", ["compare", "-f", "raw", "-F", "raw", raw, url])
                try Command.require("qemu-io", ["-f", "raw"] + writes + [url])
            }
            try Command.require("qemu-io", ["-f", "raw"] + writes + [raw])
            try Command.require("qemu-img", ["compare", "-f", "raw", "-F", format, raw, image])
        }
    }

    @Test func `what is written to an overlay is kept, and can be committed`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let before = try Lab.sha256(image)
            let check = ["-f", "raw", "-c", "read -P 9 2M 64k"]
            try causeway.withExport(image, ["--nbd", "--scratch"]) { exported in
                let url = try exported.url("nbd:")
                let writes = ["-c", "write -P 9 2M 64k", "-c", "flush"]
                try Command.require("qemu-io", ["-f", "raw"] + writes + [url])
            }
            #expect(try Lab.sha256(image) == before)
            try causeway.withExport(image, ["--nbd", "--scratch"]) { exported in
                try Command.require("qemu-io", check + [try exported.url("nbd:")])
            }
            #expect(try causeway.run(["commit", image]).isSuccess)
            try Command.require("qemu-io", check + [image])
        }
    }

    @Test func `an unknown format is an error that lists the known ones`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run([
                "export", try causeway.copy("ext4"), "--nbd", "--format", "zip",
            ])
            #expect(outcome.status == 64 && outcome.stderr.contains("qcow2"), "\(outcome)")
        }
    }
}
