import Platform
import StorageDaemon

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
        guard var base = try store.keptBase(ofSource: source) else { throw Self.nothing(source) }
        let claim = try SourceClaim(path: source, writing: true, registry: registry)
        if !base.isCommitting { try check(base, claim: claim) }
        base.isCommitting = true
        try store.write(base)
        var written: UInt64 = 0
        guard let format = ImageFormat(rawValue: base.format) else {
            throw SessionError(
                .overlay, "the overlay was begun on a format of another release: \(base.format)",
                remedy: "Use that release.", exit: .notSupported)
        }
        let windows = store.windows(ofSource: source)
        for (index, offset) in windows.enumerated() {
            phase("commit \(index + 1) of \(windows.count)")
            let overlay = store.file(ofSource: source, windowOffset: offset)
            written += (try? Files.allocated(overlay)) ?? 0
            try commit(
                overlay: overlay, offset: offset, source: claim.descriptor, format: format,
                phase: phase)
        }
        phase("sync")
        try SessionError.wrap(.source, "cannot sync \(source)") { () throws(SystemError) in
            try Files.sync(claim.descriptor)
        }
        _ = try store.discard(source: source)
        return written
    }

    /// Throws a source's overlays away; refuses while a session uses them.
    ///
    /// Also those whose description is missing or unreadable.
    public func discard(source: String) throws(SessionError) {
        guard Files.exists(store.folder(ofSource: source)) else { throw Self.nothing(source) }
        if Files.exists(source) {
            let claim = try SourceClaim(path: source, writing: false, registry: registry)
            defer { withExtendedLifetime(claim) {} }
            _ = try store.discard(source: source)
        } else {
            _ = try store.discard(source: source)
        }
    }

    private static func nothing(_ source: String) -> SessionError {
        SessionError(
            .overlay, "\(source) has no overlay", remedy: "`causeway mount --scratch` begins one.")
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

    /// Merges one overlay into its window of the source, in the storage daemon's sandbox.
    private func commit(
        overlay: String, offset: UInt64, source: OwnedFD, format: ImageFormat,
        phase: (String) -> Void
    ) throws(SessionError) {
        let window = try SessionError.wrap(.overlay, "cannot read \(overlay)") {
            () throws(SystemError) in try store.window(offset: offset, overlay: overlay)
        }
        do {
            try OverlayCommit.run(source: source, format: format, window: window, log: 2) { state in
                let percent = state.total == 0 ? 100 : state.done * 100 / state.total
                phase("commit \(percent) %")
            }
        } catch {
            throw SessionError(
                .overlay, "the commit failed: \(error.cause)",
                remedy: "\(error.remedy) Nothing is lost: commit again when that is mended.")
        }
    }
}
