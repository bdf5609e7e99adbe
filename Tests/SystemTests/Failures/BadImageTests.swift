import Bytes
import FileSystemLab
import Foundation
import Platform
import Testing

/// Images that are nothing, or damaged: the guest may refuse, the host neither hangs nor crashes.
@Suite(.tags(.system)) struct BadImageTests {
    @Test func `what holds no file system is refused with a reason`() throws {
        try Causeway.scoped { causeway in
            let folder = causeway.folder
            try RawPath("\(folder)/empty").write([])
            try RawPath("\(folder)/text").write(Array("Just a letter.\n".utf8))
            try RawPath("\(folder)/random").write(Content(size: 4 << 20, seed: 3).bytes)
            try RawPath("\(folder)/zeros").write([UInt8](repeating: 0, count: 1 << 20))
            try RawPath("\(folder)/tiny").write([1])
            let mountpoint = try causeway.makeMountpoint()
            for name in ["empty", "text", "random", "zeros", "tiny"] {
                for command in [["probe"], ["mount"]] {
                    let place = command == ["mount"] ? [mountpoint] : []
                    let outcome = try causeway.run(command + ["\(folder)/\(name)"] + place)
                    #expect([3, 4].contains(outcome.status), "\(outcome)")
                }
            }
        }
    }

    @Test func `what is no file is refused with a reason`() throws {
        try Causeway.scoped { causeway in
            let mountpoint = try causeway.makeMountpoint()
            let folder = try causeway.makeMountpoint("folder")
            try RawPath("\(causeway.folder)/pipe").makePipe()
            try RawPath("\(causeway.folder)/loop").makeLink(to: Array("loop".utf8))
            try RawPath("\(causeway.folder)/secret").write([1], mode: 0)
            var sources = [
                folder, "\(causeway.folder)/pipe", "\(causeway.folder)/loop", "/dev/null",
                "/dev/tty", "\(causeway.folder)/absent", "",
            ]
            if !Settings.isRoot { sources.append("\(causeway.folder)/secret") }
            for source in sources {
                let outcome = try causeway.run(["mount", source, mountpoint])
                #expect([3, 4].contains(outcome.status), "\(outcome)")
                #expect(outcome.stderr.count > 20, "\(outcome)")
            }
        }
    }

    @Test(arguments: FileSystem.table.filter { Settings.damaged?.contains($0.name) ?? true })
    func `truncated and bit-flipped images are survived`(fileSystem: FileSystem) throws {
        try Causeway.scoped { causeway in
            for percent in [50, 97] {
                let image = try Lab.copy(of: fileSystem, into: causeway.folder)
                let size = try Files.status(image).size
                try RawPath(image).truncate(to: size * UInt64(percent) / 100)
                try Self.survive(image, causeway, "cut to \(percent) %")
            }
            for round in 0..<Settings.rounds(2, full: 200) {
                let image = try Lab.copy(of: fileSystem, into: causeway.folder)
                let flips = try Self.flip(image, seed: UInt64(round))
                try Self.survive(image, causeway, "round \(round), flips \(flips)")
            }
        }
    }

    /// Flips up to sixteen bits, half of them where the file system keeps its own data.
    private static func flip(_ image: String, seed: UInt64) throws -> [UInt64] {
        var random = SeededGenerator(seed: seed &* 7919 &+ 1)
        let size = try Files.status(image).size
        var places: [UInt64] = []
        for index in 0...(random.next() % 16) {
            let limit = index % 2 == 0 ? min(size, 256 << 10) : size
            let place = random.next() % limit
            let file = try Files.open(image, .readOnly)
            let byte = try Files.read(file, at: place, count: 1).first ?? 0
            try RawPath(image).write([byte ^ (1 << UInt8(random.next() % 8))], at: place)
            places.append(place)
        }
        return places
    }

    /// Reads every folder and every file of the folder `$1`.
    private static let readAll = "ls -lR \"$1\" | tail -n 1; tar -cf - -C \"$1\" . | wc -c"

    /// Mounts if that works, reads everything that can be read, and unmounts; all in bounded time.
    private static func survive(_ image: String, _ causeway: Causeway, _ what: String) throws {
        let mountpoint = try causeway.makeMountpoint()
        let outcome = try causeway.run(
            ["mount", image, mountpoint, "--via", Settings.hypervisor], seconds: 180)
        #expect(!outcome.timedOut, "\(what): \(outcome)")
        #expect([0, 3, 4, 7].contains(outcome.status), "\(what): \(outcome)")
        guard outcome.isSuccess else { return }
        // What damaged folders and sizes promise may have no end, so readers are stopped some time;
        // then they must end soon, and the next one must be answered. 10 s are promised for that;
        // the rest is for a machine that has much else to do.
        let reading = try Command.run(
            "timeout",
            ["-s", "KILL", "40", "sh", "-c", Self.readAll, "sh", mountpoint], seconds: 90)
        #expect(!reading.timedOut, "\(what): reading hangs")
        let next = try Command.run("stat", [mountpoint], seconds: 60)
        #expect(!next.timedOut, "\(what): nothing is answered any more")
        var unmount = try causeway.run(["unmount", mountpoint], seconds: 180)
        if !unmount.isSuccess {
            #expect(unmount.status == 1 || unmount.status == 5, "\(what): \(unmount)")
            unmount = try causeway.run(["unmount", mountpoint, "--force"], seconds: 180)
        }
        #expect(!unmount.timedOut, "\(what): \(unmount)")
    }
}
