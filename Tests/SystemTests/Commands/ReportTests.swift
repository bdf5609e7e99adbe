import FileSystemLab
import Foundation
import Testing

/// What the commands say, and the exit codes that scripts rely on.
@Suite(.tags(.system)) struct ReportTests {
    private let scratch: Scratch
    private let image: String

    init() throws {
        scratch = try Scratch("image")
        image = try Lab.copy(of: try FileSystem.named("ext4"), into: scratch.path)
    }

    @Test func `list shows what is mounted, in words and as JSON`() throws {
        try Causeway.scoped { causeway in
            #expect(try causeway.run(["list"]).stdout.contains("nothing is mounted"))
            try causeway.withMount(image) { mounted in
                let words = try causeway.run(["list"]).stdout
                #expect(words.contains(mounted.session) && words.contains(mounted.folder))
                let session = try #require(try causeway.sessions().first)
                #expect(session["state"] as? String == "usable")
                #expect(session["source"] as? String == image)
                #expect(session["mode"] as? String == "read-only")
                #expect(session["hypervisor"] as? String == Settings.hypervisor)
            }
            #expect(try causeway.sessions().isEmpty)
        }
    }

    @Test func `logs hold the phases of the mount and the guest's console`() throws {
        try Causeway.scoped { causeway in
            try causeway.withMount(image) { mounted in
                let log = try causeway.run(["logs", mounted.session])
                #expect(log.isSuccess && log.stdout.contains("usable on"), "\(log)")
                let kernel = try causeway.run(["logs", "--kernel", mounted.folder])
                #expect(kernel.isSuccess && kernel.stdout.contains("EXT4-fs"), "\(kernel)")
                // The agent says there what it could not do, such as widening the read-ahead.
                #expect(!kernel.stdout.contains("causeway-guest:"), "\(kernel)")
            }
            let absent = try causeway.run(["logs", "nothing-of-the-kind"])
            #expect(!absent.isSuccess)
        }
    }

    @Test func `the receipt names what proved the detach, and counts the bytes`() throws {
        try Causeway.scoped { causeway in
            let copy = try Lab.copy(of: try FileSystem.named("ext4"), into: causeway.folder)
            let mounted = try causeway.mount(copy, ["--write"])
            try mounted.path("new").write(Content(size: 123_456, seed: 1).bytes)
            let outcome = try causeway.unmount(mounted.folder, ["--json"])
            let document = try JSONSerialization.jsonObject(with: Data(outcome.output))
            let receipt = try #require(document as? [String: Any])
            #expect(receipt["bytesWritten"] as? Int == 123_456)
            let steps = try #require(receipt["steps"] as? [[String: Any]])
            #expect(steps.allSatisfy { $0["held"] as? Bool == true }, "\(outcome)")
            for name in ["folder", "bridge", "file system", "machine", "storage", "source"] {
                #expect(steps.contains { $0["name"] as? String == name }, "no step \(name)")
            }
        }
    }

    @Test func `errors are JSON where JSON was asked for`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["mount", "/nonexistent", "--json"])
            #expect(outcome.status == 3)
            let document = try JSONSerialization.jsonObject(with: Data(outcome.output))
            let error = (document as? [String: Any])?["error"] as? [String: Any]
            #expect(error?["layer"] as? String == "source", "\(outcome)")
            #expect((error?["remedy"] as? String)?.isEmpty == false, "\(outcome)")
        }
    }

    @Test func `wrong usage ends with 64, and what is not mounted cannot be unmounted`() throws {
        try Causeway.scoped { causeway in
            for words in [["mount"], ["mount", "a", "--write", "--scratch"], ["nonsense"]] {
                #expect(try causeway.run(words).status == 64, "\(words)")
            }
            let outcome = try causeway.run(["unmount", image])
            #expect(outcome.status == 1 && outcome.stderr.contains("causeway list"), "\(outcome)")
            #expect(try causeway.run(["--version"]).isSuccess)
            #expect(try causeway.run(["--help"]).stdout.contains("probe"))
        }
    }

    @Test func `the appliance is described and verified, and damage to it is found`() throws {
        try Causeway.scoped { causeway in
            let info = try causeway.run(["appliance", "info"])
            #expect(info.isSuccess && info.stdout.contains("uml"), "\(info)")
            #expect(try causeway.run(["appliance", "verify"]).isSuccess)
            let copy = "\(causeway.folder)/appliance"
            try Command.require("cp", ["-rL", Settings.appliance, copy])
            try Command.require("chmod", ["-R", "u+w", copy])
            let kernel = try Command.shell("find \"$1/uml\" -type f -size +1M | head -n 1", [copy])
            let path = String(kernel.stdout.dropLast())
            try RawPath(path).write([0xff], at: 100_000)
            let damaged = try causeway.run(["appliance", "verify", copy])
            #expect(damaged.status == 1, "\(damaged)")
        }
    }

    @Test func `hypervisors lists what is installed and what was chosen`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["hypervisors"], seconds: 300)
            #expect(outcome.isSuccess && outcome.stdout.contains("uml"), "\(outcome)")
            let json = try causeway.run(["hypervisors", "--json"], seconds: 300)
            #expect((try? JSONSerialization.jsonObject(with: Data(json.output))) != nil)
        }
    }
}
