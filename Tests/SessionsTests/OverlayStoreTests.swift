import Platform
import Testing

@testable import Sessions

@Suite struct OverlayStoreTests {
    private func prepare(_ store: OverlayStore, _ path: String) throws {
        let status = try Files.status(path)
        try store.prepare(source: path, status: status, size: status.size, format: "raw")
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
