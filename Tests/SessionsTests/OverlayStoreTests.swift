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

    /// Begins an overlay as a session does: the description, then a window's file.
    private func begin(
        _ store: OverlayStore, _ path: String, _ format: String = "raw"
    ) throws {
        try prepare(store, path, format)
        try Files.replace(store.file(ofSource: path, windowOffset: 0), with: [1])
    }

    @Test func `an overlay fits the source it was begun on`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try begin(store, path)
        try prepare(store, path)
        #expect(store.base(ofSource: path)?.size == 4096)
    }

    @Test func `an overlay is refused over a source that has changed`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try begin(store, path)
        _ = try temporary.file("disk.img", size: 8192)
        #expect(throws: SessionError.self) { try prepare(store, path) }
    }

    @Test func `an overlay is refused over the same source in another format`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try begin(store, path)
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
        try begin(store, path)
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
        try begin(store, path)
        let overlay = store.file(ofSource: path, windowOffset: 1_048_576)
        try Files.replace(overlay, with: [1])
        #expect(store.windows(ofSource: path) == [0, 1_048_576])
        #expect(try store.discard(source: path))
        #expect(try Files.list(temporary.folders.overlays).isEmpty)
        #expect(try !store.discard(source: path))
    }

    @Test func `an overlay whose description is gone is refused, not adopted`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        for spoil in [nil, Array("{".utf8)] as [[UInt8]?] {
            try begin(store, path)
            let description = "\(store.folder(ofSource: path))/source.json"
            if let spoil {
                try Files.replace(description, with: spoil)
            } else {
                try Files.remove(description)
            }
            let error = #expect(throws: SessionError.self) { try prepare(store, path) }
            #expect(error?.cause.contains("missing or unreadable") == true, "\(error as Any)")
            #expect(error?.remedy.contains("causeway discard") == true)
            #expect(try store.discard(source: path))
        }
    }

    @Test func `a description without an overlay is replaced, whatever it says`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try prepare(store, path)
        _ = try temporary.file("disk.img", size: 8192)
        try prepare(store, path, "qcow2")
        #expect(store.base(ofSource: path)?.size == 8192)
        #expect(store.base(ofSource: path)?.format == "qcow2")
    }

    @Test func `what a discard that was cut short left is removed, and is nobody's overlay`() throws
    {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try begin(store, path)
        let folder = store.folder(ofSource: path)
        let name = try #require(folder.split(separator: "/").last)
        // As a discard renames it before it removes anything.
        let left = "\(temporary.folders.overlays)/.discarded-\(name)-77"
        try Files.rename(folder, to: left)
        #expect(store.windows(ofSource: path).isEmpty)
        try prepare(store, path)
        #expect(try Files.list(temporary.folders.overlays) == [String(name)])
        try Files.makeDirectories(left)
        try Files.replace("\(left)/window-0.qcow2", with: [1])
        _ = try store.discard(source: path)
        #expect(try Files.list(temporary.folders.overlays).isEmpty)
    }

    @Test func `what a discard cannot remove is nobody's overlay any more`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let path = try temporary.file("disk.img")
        try begin(store, path)
        let folder = store.folder(ofSource: path)
        // Nothing of Causeway's lies so deep, so it is left alone.
        try Files.makeDirectories("\(folder)/not/ours")
        #expect(try store.discard(source: path))
        #expect(!Files.exists(folder))
        try prepare(store, path)
        #expect(store.windows(ofSource: path).isEmpty)
    }

    @Test func `no source's folder looks like one that is being removed`() {
        for source in ["/.discarded-a", "/a/.discarded-disk.img-1", "/.", "/"] {
            let name = OverlayStore.name(ofSource: source)
            #expect(!name.hasPrefix(OverlayStore.discardedPrefix), "\(name)")
        }
    }
}
