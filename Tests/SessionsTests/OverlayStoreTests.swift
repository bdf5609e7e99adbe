import Platform
import StorageDaemon
import Testing

@testable import Sessions

@Suite struct OverlayStoreTests {
    private func prepare(
        _ store: OverlayStore, _ path: String, _ format: String = "raw"
    ) throws {
        let status = try Files.status(path)
        try store.prepare(source: path, status: status, size: status.size, format: format)
    }

    @Test func `an overlay fits the source it was begun on`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        try prepare(store, path)
        #expect(store.base(ofSource: path)?.size == 4096)
    }

    @Test func `an overlay is refused over a source that has changed`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        _ = try temporary.file("disk.img", size: 8192)
        #expect(throws: SessionError.self) { try prepare(store, path) }
    }

    @Test func `an overlay is refused over the same source in another format`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        let error = #expect(throws: SessionError.self) { try prepare(store, path, "qcow2") }
        #expect(error?.cause.contains("as format raw, not qcow2") == true, "\(error as Any)")
    }

    @Test func `two overlays never cover the same bytes`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        // What the storage daemon would make for bytes 1 MiB to 3 MiB.
        let header =
            Array("QFI".utf8) + [0xfb] + [UInt8](repeating: 0, count: 20)
            + [0, 0, 0, 0, 0, 0x20, 0, 0]
        try Files.replace(store.file(ofSource: path, windowOffset: 1 << 20), with: header)
        func check(_ offset: UInt64, _ length: UInt64) -> SessionError? {
            do throws(SessionError) {
                try store.checkOverlap(
                    source: path, with: DiskWindow(offset: offset, length: length))
                return nil
            } catch { return error }
        }
        #expect(check(1 << 20, 2 << 20) == nil, "it is the same")
        // A rest of less than a sector was left out when it was made.
        #expect(check(1 << 20, (2 << 20) + 511) == nil)
        #expect(check(0, 1 << 20) == nil, "it ends where the other begins")
        #expect(check(3 << 20, 1 << 20) == nil, "it begins where the other ends")
        #expect(check(0, 4 << 20)?.remedy.contains("causeway discard") == true)
        #expect(check(0, (1 << 20) + 512) != nil)
        #expect(check(2 << 20, 512) != nil)
        #expect(check(1 << 20, 1 << 20) != nil)
    }

    @Test func `a commit that was cut short must be finished first`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        var base = try #require(store.base(ofSource: path))
        base.isCommitting = true
        try store.write(base)
        let error = #expect(throws: SessionError.self) { try prepare(store, path) }
        #expect(error?.remedy.contains("causeway commit") == true)
    }

    @Test func `sources of the same name have overlays of their own`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        #expect(store.folder(ofSource: "/a/disk.img") != store.folder(ofSource: "/b/disk.img"))
    }

    @Test func `discarding removes every window's overlay`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        let overlay = store.file(ofSource: path, windowOffset: 1_048_576)
        try Files.replace(overlay, with: [1])
        #expect(store.windows(ofSource: path) == [1_048_576])
        #expect(store.discard(source: path))
        #expect(!Files.exists(overlay))
        #expect(!store.discard(source: path))
    }
}
