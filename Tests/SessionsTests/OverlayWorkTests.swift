import Platform
import Testing

@testable import Sessions

@Suite struct OverlayWorkTests {
    /// A source of random bytes, an overlay over its second megabyte with one changed block.
    private func makeScratch(
        _ temporary: TemporaryFolder, _ format: String = "raw"
    ) throws -> (OverlayStore, String, [UInt8]) {
        let store = OverlayStore(folders: temporary.folders)
        let source = try temporary.file("disk.img", size: 4 << 20)
        if format != "raw" { try run(["qemu-img", "create", "-q", "-f", format, source, "4M"]) }
        let status = try Files.status(source)
        try store.prepare(source: source, status: status, size: status.size, format: format)
        let overlay = store.file(ofSource: source, windowOffset: 1 << 20)
        try run(["qemu-img", "create", "-q", "-f", "qcow2", overlay, "1M"])
        let chain = ImageChain(overlay: overlay, source: source, format: format, offset: 1 << 20)
        try run(["qemu-io", "-c", "write -P 0xab 65536 4096", try chain.json()])
        return (store, source, [UInt8](repeating: 0xab, count: 4096))
    }

    private func run(_ words: [String]) throws {
        let (end, output) = try ChildProcess.run(
            SpawnOptions(path: "/usr/bin/env", arguments: words), mergeErrors: true)
        #expect(end.isSuccess, "\(words[0]): \(String(decoding: output, as: UTF8.self))")
    }

    @Test func `a commit writes exactly the overlay's blocks into its window`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, block) = try makeScratch(temporary)
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        _ = try work.commit(source: source) { _ in }
        let bytes = try Files.read(source)
        var expected = [UInt8](repeating: 0, count: 4 << 20)
        expected.replaceSubrange((1 << 20) + 65536..<(1 << 20) + 65536 + 4096, with: block)
        #expect(bytes == expected)
        #expect(store.base(ofSource: source) == nil)
    }

    @Test func `neither commit nor discard touches a source in use`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary)
        let registry = SessionRegistry(folders: temporary.folders)
        let claim = try SourceClaim(path: source, writing: false, registry: registry)
        let work = OverlayWork(registry: registry)
        #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        #expect(throws: SessionError.self) { try work.discard(source: source) }
        #expect(store.base(ofSource: source) != nil)
        withExtendedLifetime(claim) {}
    }

    @Test func `neither commit nor discard touches an overlay in use, wherever its source is`()
        throws
    {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary)
        let claim = try store.claim(source: source)
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        // The session that uses both goes on; somebody else may get the source's name.
        try Files.rename(source, to: source + ".old")
        for isThere in [false, true] {
            if isThere { _ = try temporary.file("disk.img", size: 4 << 20) }
            let error = #expect(throws: SessionError.self) { try work.discard(source: source) }
            #expect(error?.cause.contains("in use by a session") == true, "\(error as Any)")
            #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        }
        #expect(store.base(ofSource: source) != nil)
        withExtendedLifetime(claim) {}
    }

    @Test func `a claim of an overlay that is thrown away meanwhile is none`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary)
        let before = try store.claim(source: source)
        #expect(try store.discard(source: source))
        let after = try store.claim(source: source)
        #expect(throws: SessionError.self) { try store.claim(source: source) }
        withExtendedLifetime((before, after)) {}
    }

    @Test func `a source without an overlay has nothing to commit`() throws {
        let temporary = try TemporaryFolder()
        let source = try temporary.file("disk.img")
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        #expect(throws: SessionError.self) { try work.discard(source: source) }
    }

    @Test func `an overlay without its description can be given up, not committed`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary)
        try Files.remove("\(store.folder(ofSource: source))/source.json")
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        let error = #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        #expect(error?.cause.contains("missing or unreadable") == true, "\(error as Any)")
        #expect(try Files.read(source).allSatisfy { $0 == 0 })
        #expect(try soon { (try? work.discard(source: source)) != nil })
        #expect(try Files.list(temporary.folders.overlays).isEmpty)
    }

    @Test func `a description without an overlay is nothing to commit`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let source = try temporary.file("disk.img")
        let status = try Files.status(source)
        try store.prepare(source: source, status: status, size: status.size, format: "raw")
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        let error = #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        #expect(error?.cause.contains("has no overlay") == true, "\(error as Any)")
        #expect(try soon { (try? work.discard(source: source)) != nil })
    }

    @Test func `a commit that cannot begin leaves the overlay usable`() throws {
        let temporary = try TemporaryFolder()
        let store = OverlayStore(folders: temporary.folders)
        let source = try temporary.file("disk.dmg", size: 4 << 20)
        let status = try Files.status(source)
        func prepare() throws {
            try store.prepare(source: source, status: status, size: status.size, format: "dmg")
        }
        try prepare()
        let overlay = store.file(ofSource: source, windowOffset: 0)
        try run(["qemu-img", "create", "-q", "-f", "qcow2", overlay, "1M"])
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        let error = #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        #expect(error?.cause.contains("can only be read") == true, "\(error as Any)")
        #expect(error?.remedy.contains("qemu-img convert") == true)
        #expect(store.base(ofSource: source)?.isCommitting == false)
        try prepare()
    }

    // QEMU marks a Parallels image as being in use when it opens it, which changes the file.
    @Test(arguments: ["raw", "parallels"])
    func `a window that cannot be opened leaves the overlay usable`(format: String) throws {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary, format)
        // The window lies past the end.
        let overlay = store.file(ofSource: source, windowOffset: 1 << 20)
        let away = store.file(ofSource: source, windowOffset: 8 << 20)
        try Files.rename(overlay, to: away)
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        #expect(store.base(ofSource: source)?.isCommitting == false)
        try Files.rename(away, to: overlay)
        let status = try Files.status(source)
        try store.prepare(source: source, status: status, size: status.size, format: format)
    }

    @Test func `a commit that was cut short goes on, though the source has changed`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, block) = try makeScratch(temporary)
        var base = try #require(store.base(ofSource: source))
        base.isCommitting = true
        try store.write(base)
        let file = try Files.open(source, .readWrite)
        try Files.write(Array(block[..<512]), to: file, at: (1 << 20) + 65536)
        _ = try OverlayWork(registry: SessionRegistry(folders: temporary.folders))
            .commit(source: source) { _ in }
        #expect(try Files.read(file, at: (1 << 20) + 65536, count: 4096) == block)
    }

    @Test func `while an overlay is kept nothing else is written to its source`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary)
        #expect(throws: SessionError.self) { try store.checkUse(of: source, mode: .write) }
        for mode in [WriteMode.readOnly, .scratch] { try store.checkUse(of: source, mode: mode) }
        let other = try temporary.file("other.img")
        try store.checkUse(of: other, mode: .write)
    }

    @Test func `a source whose commit was cut short is good for nothing but that commit`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, block) = try makeScratch(temporary)
        var base = try #require(store.base(ofSource: source))
        base.isCommitting = true
        try store.write(base)
        for mode in [WriteMode.readOnly, .scratch, .write] {
            let error = #expect(throws: SessionError.self) {
                try store.checkUse(of: source, mode: mode)
            }
            #expect(error?.remedy.contains("causeway commit") == true)
        }
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        #expect(throws: SessionError.self) { try work.discard(source: source) }
        // Another file in its place: of another size, then of the same.
        try Files.rename(source, to: source + ".away")
        for size: UInt64 in [5 << 20, 4 << 20] {
            _ = try temporary.file("disk.img", size: size)
            #expect(throws: SessionError.self) { try work.commit(source: source) { _ in } }
        }
        #expect(try Files.read(source).allSatisfy { $0 == 0 })
        // What the user says is the same is written.
        _ = try work.commit(source: source, force: true) { _ in }
        let file = try Files.open(source, .readOnly)
        #expect(try Files.read(file, at: (1 << 20) + 65536, count: 4096) == block)
    }

    @Test func `an overlay whose commit was cut short is discarded only by force`() throws {
        let temporary = try TemporaryFolder()
        let (store, source, _) = try makeScratch(temporary)
        var base = try #require(store.base(ofSource: source))
        base.isCommitting = true
        try store.write(base)
        let work = OverlayWork(registry: SessionRegistry(folders: temporary.folders))
        try work.discard(source: source, force: true)
        #expect(store.base(ofSource: source) == nil)
    }
}
