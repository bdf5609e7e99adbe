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
    /// removed when everything is on the source. Where it cannot begin, the overlay stays what it
    /// was.
    ///
    /// - Parameter force: goes on with one that was cut short, though the file seems another one.
    public func commit(
        source: String, force: Bool = false, phase: (String) -> Void
    ) throws(SessionError) -> UInt64 {
        guard var base = try store.keptBase(ofSource: source) else { throw Self.nothing(source) }
        let overlays = try store.claim(source: source)
        defer { withExtendedLifetime(overlays) {} }
        let claim = try SourceClaim(path: source, writing: true, registry: registry)
        let now = try now(base, claim: claim)
        if base.isCommitting {
            try store.checkResumed(base, against: now, anyway: force)
        } else {
            try store.check(base, against: now)
        }
        guard let format = ImageFormat(rawValue: base.format) else {
            throw SessionError(
                .overlay, "the overlay was begun on a format of another release: \(base.format)",
                remedy: "Use that release.", exit: .notSupported)
        }
        var written: UInt64 = 0
        let windows = store.windows(ofSource: source)
        for (index, offset) in windows.enumerated() {
            phase("commit \(index + 1) of \(windows.count)")
            let overlay = store.file(ofSource: source, windowOffset: offset)
            written += (try? Files.allocated(overlay)) ?? 0
            let commit = try start(
                overlay: overlay, offset: offset, format: format, base: &base, claim: claim)
            do {
                try commit.run { state in
                    let percent = state.total == 0 ? 100 : state.done * 100 / state.total
                    phase("commit \(percent) %")
                }
            } catch { throw Self.explain(error, base: base) }
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
    /// Also those whose description is missing or unreadable. Where a commit was cut short they are
    /// all that can complete it: then only with `force`.
    public func discard(source: String, force: Bool = false) throws(SessionError) {
        guard Files.exists(store.folder(ofSource: source)) else { throw Self.nothing(source) }
        let overlays = try store.claim(source: source)
        guard force || store.base(ofSource: source)?.isCommitting != true else {
            throw SessionError(
                .overlay,
                "a commit to \(source) was cut short: part of it is new, and only the overlay has "
                    + "the rest",
                remedy: "Run `causeway commit` again; `discard --force` leaves it half-way.",
                exit: .busy)
        }
        // What a killed session has left running holds the source until it has ended.
        let claim =
            Files.exists(source)
            ? try SourceClaim(path: source, writing: false, registry: registry) : nil
        defer { withExtendedLifetime((overlays, claim)) {} }
        _ = try store.discard(source: source)
    }

    private static func nothing(_ source: String) -> SessionError {
        SessionError(
            .overlay, "\(source) has no overlay", remedy: "`causeway mount --scratch` begins one.")
    }

    /// What the claimed source is now, in the overlay's format.
    private func now(
        _ base: OverlayStore.Base, claim: SourceClaim
    ) throws(SessionError) -> OverlayStore.Base {
        try SessionError.wrap(.source, "cannot examine \(base.source)") {
            () throws(SystemError) in
            OverlayStore.Base(
                source: base.source, size: try Files.geometry(claim.descriptor).size,
                status: try Files.status(claim.descriptor), format: base.format)
        }
    }

    /// Makes ready to merge one overlay into its window of the source, in the storage daemon's
    /// sandbox, and writes down that the commit has begun.
    ///
    /// On an error before that the overlay is as good as it was.
    private func start(
        overlay: String, offset: UInt64, format: ImageFormat, base: inout OverlayStore.Base,
        claim: SourceClaim
    ) throws(SessionError) -> OverlayCommit {
        let window = try SessionError.wrap(.overlay, "cannot read \(overlay)") {
            () throws(SystemError) in try store.window(offset: offset, overlay: overlay)
        }
        let commit: OverlayCommit
        do {
            commit = try OverlayCommit.start(
                source: claim.descriptor, format: format, window: window, log: 2)
        } catch {
            refit(base, claim: claim)
            throw Self.explain(error, base: base)
        }
        guard !base.isCommitting else { return commit }
        var begun = base
        begun.isCommitting = true
        do {
            try store.write(begun)
        } catch {
            commit.cancel()
            refit(base, claim: claim)
            throw error
        }
        base = begun
        return commit
    }

    /// Fits the description to a source that was opened for writing and not written to.
    ///
    /// QEMU marks images of some formats as being in use, or replays their logs, which changes
    /// their time and none of what they hold.
    private func refit(_ base: OverlayStore.Base, claim: SourceClaim) {
        guard !base.isCommitting, let now = try? now(base, claim: claim), now != base else {
            return
        }
        try? store.write(now)
    }

    /// Why the commit failed, and what can be done in this case.
    private static func explain(
        _ error: StorageError, base: OverlayStore.Base
    ) -> SessionError {
        let copy =
            "To keep the changes, copy source and overlay together to a new image: "
            + "`causeway export --scratch`, the same part, and `qemu-img convert` of its URL."
        let remedy =
            switch error {
            case .readOnlyFormat: copy
            case .halfMadeLog where base.isCommitting:
                "\(error.remedy) Nothing is lost: commit again then."
            case .halfMadeLog: copy
            default: "\(error.remedy) Nothing is lost: commit again when that is mended."
            }
        return SessionError(
            .overlay, "the commit failed: \(error.cause)", remedy: remedy,
            exit: error.isAboutFormat ? .notSupported : .failure)
    }
}

extension StorageError {
    /// Whether no other attempt on the same image can succeed.
    fileprivate var isAboutFormat: Bool {
        switch self {
        case .readOnlyFormat, .halfMadeLog: true
        default: false
        }
    }
}
