public import Catalogue

/// How a source is reached.
public enum Route: String, Sendable {
    /// Files through the guest: the default.
    case share
    /// The host's own driver, on request.
    case native
}

/// What a mount does to the source.
public enum AccessMode: String, Sendable, CaseIterable {
    /// The source never changes.
    case readOnly = "read-only"
    /// Changes go to an overlay.
    case scratch
    /// Changes go to the source.
    case write
}

/// The route of one volume and why; whether `--native` could be used instead.
public struct RouteChoice: Equatable, Sendable {
    /// The route.
    public var route: Route
    /// Why, in one sentence without a full stop.
    public var reason: String
    /// Whether the host's own driver could be used on request.
    public var nativeIsPossible: Bool
    /// Why, or why not.
    public var nativeReason: String

    /// The default route of a file system that the host judges so.
    public init(_ verdict: HostVerdict, entry: CatalogueEntry) {
        route = .share
        switch verdict.answer {
        case .supported:
            reason =
                "the host could mount \(entry.title) itself, but a hostile image must not meet "
                + "the host's kernel or its programs"
            nativeIsPossible = true
            nativeReason = verdict.reason
        case .needsPrivileges:
            reason = "the guest has \(entry.title), and this user may not mount it on the host"
            nativeIsPossible = false
            nativeReason = verdict.reason
        case .notSupported:
            reason = "the guest has \(entry.title), and this host cannot mount it"
            nativeIsPossible = false
            nativeReason = verdict.reason
        }
    }
}

extension FileSystemFinding {
    /// What a mount in this mode would write, and where, in one sentence without a full stop.
    public func wouldWrite(_ mode: AccessMode) -> String {
        if let mountRefusal { return "nothing: \(mountRefusal)" }
        switch mode {
        case .readOnly:
            guard isUnclean, entry.whenDirty.read == .replayed else {
                return "nothing is written to the source"
            }
            return "nothing is written to the source; the guest's replay of the journal goes to "
                + "an overlay that is thrown away"
        case .scratch:
            guard readWrite != nil else { return "nothing: the guest's driver only reads" }
            if let refusal = writeRefusal { return "nothing: \(refusal)" }
            return "every change goes to an overlay; nothing is written to the source until commit"
        case .write:
            guard readWrite != nil else { return "nothing: the guest's driver only reads" }
            if let refusal = writeRefusal { return "nothing: \(refusal)" }
            return isUnclean && entry.whenDirty.write == .replayed
                ? "the replayed journal and every change go to the source"
                : "every change goes to the source"
        }
    }

    /// Why this volume, in its present state, cannot be written; nil where it can.
    public var writeRefusal: String? {
        if let formRefusesWriting {
            return "\(formRefusesWriting), and the driver then mounts \(entry.title) read-only"
        }
        guard isUnclean else { return nil }
        let reason = stateReason ?? "it is not clean"
        switch entry.whenDirty.write {
        case .replayed, .asIs: return nil
        case .readOnly: return "\(reason), and the driver then mounts \(entry.title) read-only"
        case .refused: return "\(reason), and the driver then refuses to write \(entry.title)"
        }
    }

    private var isUnclean: Bool { state == .dirty || state == .damaged }
}
