import FileSystemLab
import Foundation
import Platform
import Testing

/// The folder to mount on, and the names of sources and folders.
@Suite(.tags(.system)) struct MountpointTests {
    private let scratch: Scratch
    private let image: String

    init() throws {
        scratch = try Scratch("image")
        image = try Lab.copy(of: try FileSystem.named("squashfs"), into: scratch.path)
    }

    @Test func `a folder that cannot be mounted on is refused before anything starts`() throws {
        try Causeway.scoped { causeway in
            let folder = causeway.folder
            try Files.makeDirectories("\(folder)/full/of-things")
            try RawPath("\(folder)/file").write([1])
            try Files.makeDirectories("\(folder)/closed", mode: 0o500)
            for place in ["absent", "full", "file", "file/below", "closed/absent"] {
                let outcome = try causeway.run(["mount", image, "\(folder)/\(place)"])
                #expect(outcome.status == 1, "\(outcome)")
                #expect(outcome.stderr.contains(place), "\(outcome)")
            }
            #expect(try Files.list("\(folder)/full") == ["of-things"])
        }
    }

    @Test func `a folder that is mounted on already is refused`() throws {
        try Causeway.scoped { causeway in
            let other = try causeway.copy("romfs")
            try causeway.withMount(image) { mounted in
                let outcome = try causeway.run(["mount", other, mounted.folder])
                #expect(outcome.status == 5, "\(outcome)")
            }
        }
    }

    @Test func `without a folder it makes one, and removes it again`() throws {
        try Causeway.scoped { causeway in
            let outcome = try causeway.run(["mount", image, "--via", Settings.hypervisor])
            #expect(outcome.isSuccess, "\(outcome)")
            let folder = outcome.stdout.split(separator: "\n").first.map(String.init) ?? ""
            #expect(folder.hasPrefix("\(causeway.folder)/home/Causeway/"))
            #expect(try Files.list(folder).contains("big"))
            try causeway.unmount(image)
            #expect(!Files.exists(folder))
        }
    }

    @Test(arguments: [
        "with space", "comma,separated=value", "colon:here", "new\nline", "back\\slash", "-dash",
        "quote'\"", "percent%20", "ünïcode-日本", "tab\there",
    ])
    func `sources and folders may have any name`(name: String) throws {
        try Causeway.scoped { causeway in
            let source = "\(causeway.folder)/\(name).img"
            try Command.require("cp", ["--", image, source])
            let mountpoint = try causeway.makeMountpoint("on \(name)")
            let outcome = try causeway.run(
                ["mount", "--via", Settings.hypervisor, "--", source, mountpoint])
            #expect(outcome.isSuccess, "\(outcome)")
            #expect(try Files.list(mountpoint).contains("big"))
            #expect(try causeway.sessions().first?["source"] as? String == source)
            try causeway.unmount(mountpoint)
        }
    }

    @Test func `a relative source and folder work`() throws {
        try Causeway.scoped { causeway in
            _ = try causeway.makeMountpoint()
            try Command.require("cp", [image, "\(causeway.folder)/disk.img"])
            let script = """
                cd "$1"; "$2" mount disk.img mnt --via "$3" && ls mnt/big && "$2" unmount mnt
                """
            let outcome = try Command.run(
                "sh",
                [
                    "-ec", script, "sh", causeway.folder, Settings.program, Settings.hypervisor,
                ], environment: causeway.environment)
            #expect(outcome.isSuccess && outcome.stdout.contains("noise"), "\(outcome)")
        }
    }
}
