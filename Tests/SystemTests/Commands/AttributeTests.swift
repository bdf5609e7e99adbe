import FileSystemLab
import Foundation
import Platform
import Testing

/// Extended attributes, locks and owners through a mounted folder.
@Suite(.tags(.system)) struct AttributeTests {
    @Test(arguments: FileSystem.table.filter(\.traits.attributes))
    func `extended attributes are kept`(fileSystem: FileSystem) throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let script = """
                cd "$1" && echo >file && mkdir folder
                setfattr -n user.plain -v value file
                setfattr -n user.binary -v 0x00ff00 file
                setfattr -n user.long -v "$(head -c 600 /dev/zero | tr '\\0' x)" file
                setfattr -n user.removed -v 1 file && setfattr -x user.removed file
                setfattr -n user.on-folder -v 2 folder
                """
            let read = "cd \"$1\" && getfattr -d -m user. -e hex file folder | grep ="
            try causeway.withMount(image, ["--write"]) { mounted in
                try Command.shell(script, [mounted.folder])
            }
            try fileSystem.checkImage(image)
            try causeway.withMount(image) { mounted in
                let lines = try Command.shell(read, [mounted.folder]).stdout.split(separator: "\n")
                let names = lines.map { $0.split(separator: "=")[0] }.sorted()
                #expect(names == ["user.binary", "user.long", "user.on-folder", "user.plain"])
                #expect(lines.contains("user.binary=0x00ff00"))
                #expect(lines.contains { $0.count == "user.long=0x".count + 1200 })
            }
        }
    }

    @Test func `locks exclude other processes, and end with them`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: try FileSystem.named("ext4"), into: causeway.folder)
            try causeway.withMount(image, ["--write"]) { mounted in
                let file = "\(mounted.folder)/lock"
                try RawPath(file).write([1])
                let holder = try RunningCommand(
                    "flock", [file, "-c", "echo held; exec sleep 300"])
                let isHeld = Wait.until(seconds: 60) {
                    _ = try? holder.collect(until: Clock.milliseconds() + 50)
                    return holder.outputs[0] == Array("held\n".utf8)
                }
                #expect(isHeld)
                #expect(try Command.run("flock", ["-n", file, "true"]).status == 1)
                for process in Processes.below(holder.process.id) {
                    Foundation.kill(process, SIGKILL)
                }
                try holder.process.killAndWait()
                #expect(try Command.run("flock", ["-w", "50", file, "true"]).isSuccess)
            }
        }
    }

    @Test func `everything belongs to the mounting user, and with --faithful to its owner`()
        throws
    {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: try FileSystem.named("ext4"), into: causeway.folder)
            try Command.shell(
                "debugfs -w -R 'set_inode_field big/text uid 4711' \"$1\" 2>/dev/null", [image])
            let me = "\(getuid()):\(getgid())"
            try causeway.withMount(image) { mounted in
                let owners = Set(try mounted.manifest().entries.values.map(\.owner))
                #expect(owners == [me])
            }
            try causeway.withMount(image, ["--faithful"]) { mounted in
                let owner = try Command.require("stat", ["-c", "%u", "\(mounted.folder)/big/text"])
                #expect(owner.stdout == "4711\n")
            }
        }
    }

    @Test func `new files keep the owner of the mounting user out of the image's ids`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: try FileSystem.named("ext4"), into: causeway.folder)
            try causeway.withMount(image, ["--write"]) { mounted in
                try mounted.path("big/text").append([1])
            }
            let outcome = try Command.shell(
                "debugfs -R 'stat big/text' \"$1\" 2>/dev/null", [image])
            let owner = outcome.stdout.firstRange(of: "User:").map {
                outcome.stdout[$0.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }
            }
            #expect(owner.map(String.init) == "\(getuid())", "the owner on disk changed")
        }
    }
}
