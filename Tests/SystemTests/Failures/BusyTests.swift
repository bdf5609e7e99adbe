import FileSystemLab
import Foundation
import Platform
import Testing

/// One source, one user of it at a time; one folder, unmounted only when nobody is in it.
@Suite(.tags(.system)) struct BusyTests {
    private let fileSystem: FileSystem

    init() throws { fileSystem = try FileSystem.named("ext4") }

    @Test func `a second opener is refused, and told who has it`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            try Command.require("ln", [image, "\(causeway.folder)/another-name"])
            try Command.require("ln", ["-s", image, "\(causeway.folder)/symbolic"])
            try causeway.withMount(image) { mounted in
                let second = try causeway.makeMountpoint("second")
                for source in [
                    image, "\(causeway.folder)/another-name", "\(causeway.folder)/symbolic",
                ] {
                    for options in [[], ["--write"], ["--scratch"]] {
                        let outcome = try causeway.run(["mount", source, second] + options)
                        #expect(outcome.status == 5, "\(outcome)")
                        #expect(outcome.stderr.contains(mounted.session), "\(outcome)")
                        #expect(outcome.stderr.contains(mounted.folder), "\(outcome)")
                    }
                }
                let text = try mounted.path("big/text").read()
                #expect(text.count == 3 << 20)
            }
            try causeway.withMount(image) { _ in }
        }
    }

    @Test func `of two that start at once, one gets the source`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let folders = try (0..<2).map { try causeway.makeMountpoint("mnt\($0)") }
            let running = try folders.map {
                try causeway.start(["mount", image, $0, "--via", Settings.hypervisor])
            }
            let ends = try running.map { command in
                #expect(try command.collect(until: Clock.milliseconds() + 120_000))
                return try command.process.wait(milliseconds: 60_000)
            }
            #expect(ends.filter { $0 == .exited(0) }.count == 1, "\(ends)")
            #expect(ends.filter { $0 == .exited(5) }.count == 1, "\(ends)")
            try causeway.unmount(image)
        }
    }

    @Test func `a source that another program has locked is refused`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let lock = try Files.open(image, .readOnly)
            #expect(try Files.claim(lock))
            let outcome = try causeway.run(["mount", image, try causeway.makeMountpoint()])
            #expect(outcome.status == 5, "\(outcome)")
            withExtendedLifetime(lock) {}
        }
    }

    @Test func `a busy folder is an error that names the process`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let mounted = try causeway.mount(image)
            let script = "cd \"$1\" && echo && exec sleep 300"
            let holder = try RunningCommand("sh", ["-c", script, "sh", mounted.folder])
            #expect(
                Wait.until(seconds: 60) {
                    (try? holder.collect(until: Clock.milliseconds() + 50)) != nil
                        && holder.outputs[0] == [10]
                })
            let outcome = try causeway.run(["unmount", mounted.folder])
            #expect(outcome.status == 5, "\(outcome)")
            #expect(outcome.stderr.contains("process \(holder.process.id)"), "\(outcome)")
            #expect(try mounted.path("big/text").read().count == 3 << 20)
            try holder.process.killAndWait()
            try causeway.unmount(mounted.folder)
        }
    }

    @Test func `force cuts off whoever uses the folder, in bounded time`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let mounted = try causeway.mount(image, ["--write"])
            let writer = try Command.startWriting(to: mounted.folder + "/endless")
            #expect(
                Wait.until(seconds: 60) {
                    (try? Files.status(mounted.folder + "/endless").size) ?? 0 > 1 << 20
                })
            // The promise is 60 s; the rest is for a machine that has much else to do.
            let outcome = try causeway.run(["unmount", mounted.folder, "--force"], seconds: 120)
            #expect(!outcome.timedOut, "\(outcome)")
            #expect(try writer.collect(until: Clock.milliseconds() + 60_000))
            try fileSystem.checkImage(image)
        }
    }

    @Test func `a folder unmounted by hand ends its session`() throws {
        try Causeway.scoped { causeway in
            let image = try Lab.copy(of: fileSystem, into: causeway.folder)
            let mounted = try causeway.mount(image, ["--write"])
            try mounted.path("by-hand").write([1, 2, 3])
            try Command.require("fusermount3", ["-u", mounted.folder])
            #expect(Wait.until(seconds: 60) { (try? causeway.sessions().isEmpty) == true })
            try fileSystem.checkImage(image)
            try causeway.withMount(image) { again in
                let found = try again.path("by-hand").read()
                #expect(found == [1, 2, 3])
            }
        }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGKILL])
    func `an interrupted mount leaves nothing`(signal: Int32) throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            try Self.interrupt(
                try causeway.start(["mount", image, "\(causeway.folder)/home"]), causeway, signal)
            // It may have become usable before the signal came.
            let isGone = Wait.until(seconds: 60) { Self.isGone(causeway) }
            #expect(isGone, "after signal \(signal)")
        }
    }

    private static func interrupt(
        _ running: RunningCommand, _ causeway: Causeway, _ signal: Int32
    ) throws {
        let folder = causeway.folder
        #expect(Wait.until(seconds: 60) { Processes.mentioning(folder).count > 2 })
        running.process.signal(signal)
        let ended = try running.collect(until: Clock.milliseconds() + 60_000)
        #expect(ended)
        _ = try running.process.wait(milliseconds: 60_000)
    }

    private static func isGone(_ causeway: Causeway) -> Bool {
        _ = try? causeway.run(["unmount", "\(causeway.folder)/home"])
        return Processes.mentioning(causeway.folder).isEmpty
    }

    @Test func `a mount is found where a folder above it was renamed`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let mounted = try causeway.mount(image, ["--write"], at: "above/mnt")
            let file = try mounted.path("held").open([.readWrite, .create])
            let moved = "\(causeway.folder)/moved"
            try Files.rename("\(causeway.folder)/above", to: moved)
            let busy = try causeway.run(["unmount", image])
            #expect(busy.status == 5 && busy.stderr.contains("held"), "\(busy)")
            withExtendedLifetime(file) {}
            _ = consume file
            // The session itself keeps the mountpoint open, to claim it.
            let session = try #require(mounted.processes["session"])
            #expect(Wait.until(seconds: 60) { !Self.isOpen(below: moved, besides: session) })
            let outcome = try causeway.unmount("\(moved)/mnt")
            #expect(outcome.stdout.contains("\(moved)/mnt is unmounted"), "\(outcome)")
        }
    }

    /// Other tests' children hold copies of this process's files for a moment.
    private static func isOpen(below folder: String, besides session: Int32) -> Bool {
        !FolderUsers.find(below: folder, besides: session).isEmpty
    }

    @Test func `a mount that is interrupted is undone`() throws {
        try Causeway.scoped { causeway in
            let image = try causeway.copy("ext4")
            let mount = try causeway.start(
                ["mount", image, try causeway.makeMountpoint(), "--via", Settings.hypervisor])
            #expect(Wait.until(seconds: 60) { (try? causeway.sessions().count) == 1 })
            mount.process.signal(SIGINT)
            // Where it was faster than the signal, there is nothing to undo.
            if try mount.process.wait()?.isSuccess == true { try causeway.unmount(image) }
            #expect(Wait.until(seconds: 120) { (try? causeway.sessions().isEmpty) == true })
        }
    }
}
