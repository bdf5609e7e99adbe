import Glibc
import Platform
import Testing

@testable import StorageDaemon

@Suite struct OverlayFileTests {
    private let folder: TestFolder
    private var path: String { "\(folder.path)/window-0.qcow2" }

    init() throws { folder = try TestFolder() }

    /// The files that are there, without the folder's log.
    private func names() throws -> [String] {
        try Files.list(folder.path).filter { $0 != "log" }.sorted()
    }

    private func check() throws {
        let (end, output) = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/qemu-img", arguments: ["check", "-f", "qcow2", path]),
            mergeErrors: true)
        #expect(end.isSuccess, "\(String(decoding: output, as: UTF8.self))")
    }

    @Test func `a new overlay is whole, under its own name alone`() throws {
        let file = try OverlayFile.open(path, size: 1 << 20)
        #expect(try names() == ["window-0.qcow2"])
        #expect(try Files.status(file).inode == Files.status(path).inode)
        try check()
    }

    @Test func `one that is there is gone on with`() throws {
        let first = try OverlayFile.open(path, size: 1 << 20)
        try Files.write([7], to: first, at: 300 << 10)
        let again = try OverlayFile.open(path, size: 1 << 20)
        #expect(try Files.read(again, at: 300 << 10, count: 1) == [7])
    }

    @Test func `one that was cut short while it was made is begun anew, whatever it held`() throws {
        // Its head is written, and the rest was to come.
        let image = OverlayImage.empty(size: 1 << 20)
        try Files.replace(path + ".new", with: image.pieces[0].bytes)
        try Files.truncate(try Files.open(path + ".new", .readWrite), to: 5 << 20)
        _ = try OverlayFile.open(path, size: 1 << 20)
        #expect(try names() == ["window-0.qcow2"])
        #expect(try Files.status(path).size == image.fileLength)
        try check()
    }

    @Test func `an empty file is begun anew`() throws {
        try Files.replace(path, with: [])
        _ = try OverlayFile.open(path, size: 1 << 20)
        try check()
    }

    @Test func `a damaged head is refused`() throws {
        try Files.replace(path, with: [UInt8](repeating: 0, count: 4096))
        let error = #expect(throws: StorageError.self) {
            try OverlayFile.open(path, size: 1 << 20)
        }
        #expect("\(error as Any)".contains("damaged"))
    }

    @Test func `where it cannot be made, the error names the file, and nothing is left`() throws {
        // A folder has the place that its maker takes.
        try Files.makeDirectories(path + ".new")
        let error = #expect(throws: StorageError.self) {
            try OverlayFile.open(path, size: 1 << 20)
        }
        #expect(error?.cause.contains(path) == true, "\(error as Any)")
        #expect(!Files.exists(path))
        try Files.removeDirectory(path + ".new")

        let gone = "\(folder.path)/none/window-0.qcow2"
        #expect(throws: StorageError.self) { try OverlayFile.open(gone, size: 1 << 20) }
    }

    @Test func `a full file system is told with what to do`() {
        let full = SystemError(errno: ENOSPC, call: "write")
        let error = StorageError.overlayNotMade(path: "/o/window-0.qcow2", full)
        #expect(error.cause.contains("/o/window-0.qcow2"))
        #expect(error.remedy.contains("Make room"))
    }
}
