import Glibc
import Platform
import Testing

@testable import StorageDaemon

/// Daemons that really run, on images that QEMU's own tools made.
@Suite struct StorageDaemonTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func raw(_ bytes: UInt64 = 4 << 20) throws -> String {
        let file = try Files.open("\(folder.path)/disk", [.readWrite, .create])
        try Files.truncate(file, to: bytes)
        return "\(folder.path)/disk"
    }

    private func plan(
        _ path: String, _ format: ImageFormat = .raw, readOnly: Bool = true,
        windows: [DiskWindow] = [DiskWindow(offset: 0, length: 4 << 20)]
    ) throws -> StoragePlan {
        StoragePlan(
            source: try Files.open(path, readOnly ? .readOnly : .readWrite), format: format,
            readOnly: readOnly, logicalSectorSize: 512, windows: windows,
            socketFolder: "\(folder.path)/sockets")
    }

    private func start(_ plan: StoragePlan) throws -> StorageDaemon {
        try StorageDaemon.start(plan, log: folder.log.raw)
    }

    private func tool(_ name: String, _ arguments: [String]) throws {
        let (end, output) = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/\(name)", arguments: arguments), mergeErrors: true)
        try #require(end.isSuccess, "\(String(decoding: output, as: UTF8.self))")
    }

    @Test func `sockets take connections at once, and the end is clean`() throws {
        let daemon = try start(try plan(try raw()))
        _ = try UnixSocket.connect(to: daemon.diskSockets[0])
        try daemon.waitUntilReady()
        try daemon.stop(milliseconds: 60_000)
        #expect(!Files.exists(daemon.diskSockets[0]))
        #expect(daemon.words.isEmpty)
    }

    @Test func `without windows the whole disk in an image is one`() throws {
        let image = "\(folder.path)/image"
        try tool("qemu-img", ["create", "-q", "-f", "qcow2", image, "8M"])
        let daemon = try start(try plan(image, .qcow2, windows: []))
        try daemon.waitUntilReady()
        #expect(daemon.diskSockets.count == 1)
        try daemon.stop(milliseconds: 60_000)
    }

    @Test func `serves several windows, some with overlays`() throws {
        let overlay = "\(folder.path)/overlay"
        let daemon = try start(
            try plan(
                try raw(),
                windows: [
                    DiskWindow(offset: 0, length: 1 << 20),
                    DiskWindow(offset: 1 << 20, length: 1 << 20, overlay: overlay),
                    DiskWindow(offset: 2 << 20, length: 512),
                ]))
        try daemon.waitUntilReady()
        #expect(daemon.diskSockets.count == 3)
        try daemon.stop(milliseconds: 60_000)
        try tool("qemu-img", ["check", "-q", "-f", "qcow2", overlay])
    }

    @Test(arguments: [ImageFormat.qcow2, .vmdk, .vdi, .vhdx, .vpc, .qed, .parallels])
    func `opens every image format`(format: ImageFormat) throws {
        let path = "\(folder.path)/image"
        try tool("qemu-img", ["create", "-q", "-f", format.rawValue, path, "4M"])
        for readOnly in [true, false] {
            let daemon = try start(
                try plan(
                    path, format, readOnly: readOnly,
                    windows: [DiskWindow(offset: 0, length: 1 << 20)]))
            try daemon.waitUntilReady()
            try daemon.stop(milliseconds: 60_000)
        }
    }

    @Test(arguments: [ImageFormat.qcow2, .vmdk, .vdi, .vhdx, .vpc, .dmg])
    func `a file of another format is refused with the daemon's words`(format: ImageFormat) throws {
        let daemon = try start(try plan(try raw(), format))
        let error = try #require(throws: StorageError.self) { try daemon.waitUntilReady() }
        guard case .refused(let words) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(words.contains { $0.contains("qemu-storage-daemon") })
        daemon.kill()
    }

    @Test func `a format is never sniffed out of the content`() throws {
        // A qcow2 image served as raw is its own bytes, whatever they look like.
        let path = "\(folder.path)/image"
        try tool("qemu-img", ["create", "-q", "-f", "qcow2", path, "64M"])
        let daemon = try start(
            try plan(path, .raw, windows: [DiskWindow(offset: 0, length: 32 << 20)]))
        let error = #expect(throws: StorageError.self) { try daemon.waitUntilReady() }
        #expect("\(error as Any)".contains("size"))
        daemon.kill()
    }

    @Test func `an image over another one is refused, not read in part`() throws {
        let path = "\(folder.path)/image"
        try tool(
            "qemu-img",
            ["create", "-q", "-f", "qcow2", "-b", try raw(), "-F", "raw", path])
        let daemon = try start(try plan(path, .qcow2))
        let error = #expect(throws: StorageError.self) { try daemon.waitUntilReady() }
        #expect("\(error as Any)".contains("difference to another one"))
        daemon.kill()
    }

    @Test(arguments: [true, false])
    func `a VHD over another one is refused, which QEMU itself would read in part`(
        dynamic: Bool
    ) throws {
        let path = "\(folder.path)/image"
        let form = dynamic ? "dynamic" : "fixed"
        try tool(
            "qemu-img", ["create", "-q", "-f", "vpc", "-o", "subformat=\(form)", path, "4M"])
        let daemon = try start(try plan(path, .vpc))
        try daemon.waitUntilReady()
        daemon.kill()
        // The disk type of every footer that there is.
        let file = try Files.open(path, .readWrite)
        for place in [0, try Files.status(path).size - 512]
        where try Files.read(file, at: place, count: 8) == Array("conectix".utf8) {
            try Files.write([0, 0, 0, 4], to: file, at: place + 60)
        }
        #expect(throws: StorageError.difference(to: nil)) { try start(try plan(path, .vpc)) }
    }

    @Test func `a format that QEMU only reads is refused where it is to be written`() throws {
        var plan = try plan(try raw(), .dmg)
        plan.readOnly = false
        #expect(throws: StorageError.readOnlyFormat(.dmg)) { try start(plan) }
    }

    @Test func `the daemon's words are told without our own arguments`() {
        let line = "qemu-storage-daemon: --blockdev {\"driver\":\"vpc\"}: Incorrect header checksum"
        #expect(StorageError.brief([line]) == "Incorrect header checksum")
        #expect(StorageError.brief(["bwrap: no"]) == "bwrap: no")
        let log = "opened read-only, but contains a log that needs to be replayed"
        let hint = ["qemu-storage-daemon: --blockdev {}: \(log)", "To replay the log, run:", "x"]
        #expect(StorageError.brief(hint) == log)
        #expect(StorageError.refused(hint).remedy.contains("--write"))
        #expect(StorageError.brief([]) == "it said nothing")
    }

    @Test(arguments: [false, true])
    func `an image whose data lie in another file is refused`(isInside: Bool) throws {
        let path = "\(folder.path)/image"
        let data = "\(folder.path)/data"
        let options = ["-f", "qcow2", "-o", "data_file=\(data)", path, "4M"]
        try tool("qemu-img", ["create", "-q"] + options)
        if isInside {
            // Another name of the same length, for a file that the sandbox does hold.
            let name = String(repeating: "/", count: data.utf8.count - 6) + "source"
            let start = try #require(try Files.read(path).firstRange(of: Array(data.utf8)))
            let file = try Files.open(path, .readWrite)
            try Files.write(Array(name.utf8), to: file, at: UInt64(start.lowerBound))
        }
        let daemon = try start(try plan(path, .qcow2))
        let error = #expect(throws: StorageError.self) { try daemon.waitUntilReady() }
        #expect(error?.remedy.contains("qemu-img convert") == true, "\(error as Any)")
        daemon.kill()
    }

    @Test func `a window past the end is refused`() throws {
        let daemon = try start(
            try plan(try raw(), windows: [DiskWindow(offset: 4 << 20, length: 1 << 20)]))
        #expect(throws: StorageError.self) { try daemon.waitUntilReady() }
        daemon.kill()
    }

    @Test(arguments: [
        [DiskWindow(offset: 0, length: 511)], [DiskWindow(offset: 1 << 63, length: 512)],
        [DiskWindow](repeating: DiskWindow(offset: 0, length: 512), count: 27),
    ])
    func `a plan out of bounds starts nothing`(windows: [DiskWindow]) throws {
        let plan = try plan(try raw(), windows: windows)
        #expect(throws: StorageError.self) { try start(plan) }
    }

    @Test func `an overlay of another size is refused`() throws {
        let overlay = "\(folder.path)/overlay"
        try tool("qemu-img", ["create", "-q", "-f", "qcow2", overlay, "8M"])
        let plan = try plan(
            try raw(), windows: [DiskWindow(offset: 0, length: 4 << 20, overlay: overlay)])
        let error = #expect(throws: StorageError.self) { try start(plan) }
        #expect("\(error as Any)".contains("another size"))
    }

    @Test func `an overlay that is a link is not followed`() throws {
        let target = "\(folder.path)/target"
        try Files.replace(target, with: [])
        try tool("ln", ["-s", target, "\(folder.path)/link"])
        let plan = try plan(
            try raw(),
            windows: [DiskWindow(offset: 0, length: 4 << 20, overlay: "\(folder.path)/link")])
        #expect(throws: StorageError.self) { try start(plan) }
    }

    @Test func `the disk in an image is an NBD export that QEMU's own client works with`() throws {
        let path = "\(folder.path)/image"
        try tool("qemu-img", ["create", "-q", "-f", "qcow2", path, "4M"])
        for readOnly in [false, true] {
            let plan = StoragePlan(
                nbdExportOf: try Files.open(path, readOnly ? .readOnly : .readWrite),
                format: .qcow2, readOnly: readOnly, socketFolder: "\(folder.path)/sockets")
            let daemon = try start(plan)
            try daemon.waitUntilReady()
            let url = "nbd+unix:///\(StorageService.exportName)?socket=\(daemon.diskSockets[0])"
            let commands =
                readOnly
                ? ["read -P 0x3c 1M 64k", "read -P 0 2M 64k"]
                : ["write -f -P 0x3c 1M 64k", "write -z -u 2M 64k", "flush"]
            try tool(
                "qemu-io",
                ["-f", "raw"] + (readOnly ? ["-r"] : []) + commands.flatMap { ["-c", $0] } + [url])
            try daemon.stop(milliseconds: 60_000)
            #expect(!Files.exists(daemon.diskSockets[0]))
        }
        try tool("qemu-img", ["check", "-q", "-f", "qcow2", path])
    }

    @Test func `an NBD export has one window at most`() throws {
        var plan = StoragePlan(
            nbdExportOf: try Files.open(try raw(), .readOnly), format: .raw, readOnly: true,
            socketFolder: "\(folder.path)/sockets")
        let window = DiskWindow(offset: 0, length: 512)
        plan.windows = [window, window]
        #expect(throws: StorageError.self) { try start(plan) }
    }

    @Test func `a killed daemon is told from one that refused`() throws {
        let daemon = try start(try plan(try raw()))
        try daemon.waitUntilReady()
        daemon.process.signal(SIGKILL)
        _ = try daemon.process.wait(milliseconds: 60_000)
        #expect(throws: StorageError.self) { try daemon.stop(milliseconds: 1000) }
    }

    @Test func `a commit writes the overlay into its window and nothing else`() throws {
        let path = try raw()
        let overlay = "\(folder.path)/overlay"
        let window = DiskWindow(offset: 1 << 20, length: 1 << 20, overlay: overlay)
        let serving = try start(try plan(path, windows: [window]))
        try serving.waitUntilReady()
        try serving.stop(milliseconds: 60_000)
        try tool(
            "qemu-io", ["-f", "qcow2", "-c", "write -q -P 0x5a 128k 64k", overlay])

        let source = try Files.open(path, .readWrite)
        let commit = try OverlayCommit.start(
            source: source, format: .raw, window: window, log: folder.log.raw)
        #expect(try Files.read(source, at: 0, count: 4 << 20).allSatisfy { $0 == 0 })
        try commit.run { _ in }
        let bytes = try Files.read(source, at: 0, count: 4 << 20)
        let changed = (1 << 20) + (128 << 10)..<(1 << 20) + (192 << 10)
        #expect(bytes[changed].allSatisfy { $0 == 0x5a })
        #expect(bytes[..<changed.lowerBound].allSatisfy { $0 == 0 })
        #expect(bytes[changed.upperBound...].allSatisfy { $0 == 0 })
    }

    @Test(arguments: [ImageFormat.raw, .parallels])
    func `a commit that is called off changes nothing, and can be begun again`(
        format: ImageFormat
    ) throws {
        let path = "\(folder.path)/disk"
        try tool("qemu-img", ["create", "-q", "-f", format.rawValue, path, "4M"])
        let overlay = "\(folder.path)/overlay"
        let window = DiskWindow(offset: 0, length: 1 << 20, overlay: overlay)
        _ = try OverlayFile.open(overlay, size: 1 << 20)
        try tool("qemu-io", ["-f", "qcow2", "-c", "write -q -P 0x5a 0 64k", overlay])
        let source = try Files.open(path, .readWrite)
        for isLast in [false, true] {
            let commit = try OverlayCommit.start(
                source: source, format: format, window: window, log: folder.log.raw)
            if isLast { try commit.run { _ in } } else { commit.cancel() }
            let value = isLast ? "0x5a" : "0"
            try tool(
                "qemu-io", ["-r", "-f", format.rawValue, "-c", "read -P \(value) 0 64k", path])
        }
    }

    @Test func `a commit without an overlay is an error`() throws {
        let source = try Files.open(try raw(), .readWrite)
        #expect(throws: StorageError.self) {
            try OverlayCommit.start(
                source: source, format: .raw, window: DiskWindow(offset: 0, length: 512),
                log: folder.log.raw)
        }
    }
}

@Suite struct SourceWatchTests {
    private func watch(readOnly: Bool) throws -> (TestFolder, OwnedFD, SourceWatch) {
        let folder = try TestFolder()
        let file = try Files.open("\(folder.path)/disk", [.readWrite, .create])
        try Files.truncate(file, to: 1 << 20)
        let watch = try SourceWatch(
            StoragePlan(
                source: file, format: .raw, readOnly: readOnly, logicalSectorSize: 512,
                windows: [], socketFolder: ""))
        return (folder, file, try #require(watch))
    }

    @Test func `a source that nobody touches is silent`() throws {
        let (folder, _, watch) = try watch(readOnly: true)
        _ = try Files.read("\(folder.path)/disk")
        #expect(try !Descriptors.waitReadable(watch.descriptor.raw, milliseconds: 0))
        #expect(watch.check() == nil)
    }

    @Test(arguments: [true, false])
    func `a source that is cut is noticed at once`(readOnly: Bool) throws {
        let (_, file, watch) = try watch(readOnly: readOnly)
        try Files.truncate(file, to: 4096)
        #expect(try Descriptors.waitReadable(watch.descriptor.raw, milliseconds: 60_000))
        #expect(watch.check() == .shrunk(from: 1 << 20, to: 4096))
    }

    @Test func `a write is a change where nobody may write`() throws {
        let (_, file, watch) = try watch(readOnly: true)
        try Files.write([1, 2, 3], to: file, at: 0)
        #expect(watch.check() == .modified)
    }

    @Test func `a write is none where the guest writes`() throws {
        let (_, file, watch) = try watch(readOnly: false)
        try Files.write([1, 2, 3], to: file, at: 0)
        #expect(watch.check() == nil)
    }
}
