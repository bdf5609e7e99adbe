import FoundationEssentials
import Platform

/// Commits and discards kept overlays.
public struct OverlayWork: Sendable {
    private let registry: SessionRegistry
    private let store: OverlayStore

    /// Works on the overlays of whoever owns this registry.
    public init(registry: SessionRegistry) {
        self.registry = registry
        store = OverlayStore(folders: registry.folders)
    }

    /// Writes a source's overlays to it, syncs it, and removes them; returns bytes written.
    ///
    /// Blocks for as long as the copy takes. Cut short, it can be run again: an overlay is only
    /// removed when everything is on the source.
    public func commit(source: String, phase: (String) -> Void) throws(SessionError) -> UInt64 {
        var base = try existing(source)
        let claim = try SourceClaim(path: source, writing: true, registry: registry)
        if !base.isCommitting { try check(base, claim: claim) }
        base.isCommitting = true
        try store.write(base)
        var written: UInt64 = 0
        let windows = store.windows(ofSource: source)
        for (index, offset) in windows.enumerated() {
            phase("commit \(index + 1) of \(windows.count)")
            let overlay = store.file(ofSource: source, windowOffset: offset)
            written += (try? Files.allocated(overlay)) ?? 0
            try commit(overlay: overlay, offset: offset, base: base)
        }
        phase("sync")
        try SessionError.wrap(.source, "cannot sync \(source)") { () throws(SystemError) in
            try Files.sync(claim.descriptor)
        }
        _ = store.discard(source: source)
        return written
    }

    /// Throws a source's overlays away; refuses while a session uses them.
    public func discard(source: String) throws(SessionError) {
        _ = try existing(source)
        if Files.exists(source) {
            _ = try SourceClaim(path: source, writing: false, registry: registry)
        }
        _ = store.discard(source: source)
    }

    private func existing(_ source: String) throws(SessionError) -> OverlayStore.Base {
        guard let base = store.base(ofSource: source) else {
            throw SessionError(
                .overlay, "\(source) has no overlay",
                remedy: "`causeway mount --scratch` begins one.")
        }
        return base
    }

    private func check(_ base: OverlayStore.Base, claim: SourceClaim) throws(SessionError) {
        let now = try SessionError.wrap(.source, "cannot examine \(base.source)") {
            () throws(SystemError) in
            OverlayStore.Base(
                source: base.source, size: try Files.geometry(claim.descriptor).size,
                status: try Files.status(claim.descriptor), format: base.format)
        }
        try store.check(base, against: now)
    }

    /// Lets qemu-img merge one overlay into its window of the source.
    private func commit(
        overlay: String, offset: UInt64, base: OverlayStore.Base
    ) throws(SessionError) {
        let chain = ImageChain(
            overlay: overlay, source: base.source, format: base.format, offset: offset)
        do {
            let (end, output) = try ChildProcess.run(
                SpawnOptions(
                    path: "/usr/bin/qemu-img",
                    arguments: ["commit", "-q", "-t", "writeback", try chain.json()]),
                mergeErrors: true, milliseconds: Int32.max)
            guard end.isSuccess else {
                throw SessionError(
                    .overlay, "the commit failed (\(end))",
                    remedy: "Nothing is lost: make room or restore access, and commit again.",
                    details: String(decoding: output.suffix(2000), as: UTF8.self)
                        .split(separator: "\n").map(String.init))
            }
        } catch {
            throw SessionError.any(error)
        }
    }
}

/// An overlay over its window of a source, as qemu's block layer describes it.
struct ImageChain: Encodable {
    private let overlay: String
    private let source: String
    private let format: String
    private let offset: UInt64

    init(overlay: String, source: String, format: String, offset: UInt64) {
        self.overlay = overlay
        self.source = source
        self.format = format
        self.offset = offset
    }

    private enum Key: String, CodingKey { case driver, file, backing, filename, offset }

    func encode(to encoder: any Encoder) throws {
        var top = encoder.container(keyedBy: Key.self)
        try top.encode("qcow2", forKey: .driver)
        var overlayFile = top.nestedContainer(keyedBy: Key.self, forKey: .file)
        try overlayFile.encode("file", forKey: .driver)
        try overlayFile.encode(overlay, forKey: .filename)
        var window = top.nestedContainer(keyedBy: Key.self, forKey: .backing)
        try window.encode("raw", forKey: .driver)
        try window.encode(offset, forKey: .offset)
        var image = window.nestedContainer(keyedBy: Key.self, forKey: .file)
        if format == "raw" {
            try image.encode("file", forKey: .driver)
            try image.encode(source, forKey: .filename)
        } else {
            try image.encode(format, forKey: .driver)
            var file = image.nestedContainer(keyedBy: Key.self, forKey: .file)
            try file.encode("file", forKey: .driver)
            try file.encode(source, forKey: .filename)
        }
    }

    /// The chain as a `json:` file name of qemu's tools.
    func json() throws -> String {
        "json:" + String(decoding: try JSONEncoder().encode(self), as: UTF8.self)
    }
}
