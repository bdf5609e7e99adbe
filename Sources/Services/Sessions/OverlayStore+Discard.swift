import Platform

extension OverlayStore {
    /// How the names of folders begin that are being removed; no source's folder begins so.
    static let discardedPrefix = ".discarded-"

    /// Throws a source's overlays away; returns whether there were any.
    ///
    /// They are gone all at once, whenever this is cut short: the folder is renamed away before
    /// anything in it is removed. What is left of such folders goes with the next call.
    func discard(source: String) throws(SessionError) -> Bool {
        defer { sweep() }
        let folder = folder(ofSource: source)
        guard Files.exists(folder) else { return false }
        let random = Host.randomBytes(8).map { String($0, radix: 16) }.joined()
        let away = "\(Self.discardedPrefix)\(Self.name(ofSource: source))-\(random)"
        try SessionError.wrap(
            .overlay, "cannot throw away \(folder)",
            remedy: "Give yourself permission to write in \(folders.overlays), then try again."
        ) { () throws(SystemError) in
            try Files.rename(folder, to: "\(folders.overlays)/\(away)")
            try Files.syncDirectory(folders.overlays)
        }
        return true
    }

    /// Removes folders that were thrown away, also those of calls that were cut short.
    func sweep() {
        for name in (try? Files.list(folders.overlays)) ?? []
        where name.hasPrefix(Self.discardedPrefix) {
            SessionRegistry.removeTree("\(folders.overlays)/\(name)", depth: 1)
        }
    }
}
