import CPIOLayout
import Platform

/// The initial RAM file system: the agent, the folders it works in, and a modular kernel's modules.
///
/// It is not compressed: unpacking costs more than reading, under every hypervisor.
enum Initramfs {
    /// Bounds of what goes in.
    enum Limits {
        /// Largest agent or module, in bytes.
        static let file = 64 << 20
    }

    /// Folders that the agent expects or mounts over.
    static let folders = ["dev", "m", "p", "proc", "r", "run", "sys", "tmp", "var", "var/run"]

    /// The archive's bytes: the same for the same agent and modules.
    static func build(agent: [UInt8], modules: ModuleSet) throws(ApplianceError) -> [UInt8] {
        var entries = folders.map(CPIOEntry.directory)
        entries.append(.file("init", agent, permissions: 0o755))
        entries.append(
            CPIOEntry(
                path: "dev/console", permissions: 0o600,
                content: .characterDevice(major: 5, minor: 1)))
        if !modules.all.isEmpty { entries += try moduleEntries(modules) }
        do { return try CPIOArchive.encode(entries) } catch {
            throw ApplianceError(
                "The initial file system cannot be written: \(error)",
                remedy: "Report the versions that `causeway appliance info` shows.")
        }
    }

    private static func moduleEntries(
        _ modules: ModuleSet
    ) throws(ApplianceError) -> [CPIOEntry] {
        var entries: [CPIOEntry] = [.directory("modules"), .directory("modules.d")]
        for path in modules.all {
            guard path.hasSuffix(".ko") else {
                throw ApplianceError(
                    "The module \(path) is compressed, which the agent cannot load",
                    remedy: "Use --kernel own.")
            }
            do {
                let bytes = try Files.read(path, limit: Limits.file)
                entries.append(.file(String(guestPath(path).dropFirst()), bytes))
            } catch {
                throw ApplianceError(
                    "A module cannot be read: \(error)", remedy: "Delete the cache and build again."
                )
            }
        }
        entries.append(.file("modules.list", list(modules.all)))
        entries.append(.file("modules.boot", list(modules.boot)))
        entries += modules.byType.map { .file("modules.d/\($0.key)", list($0.value)) }
        return entries
    }

    private static func guestPath(_ path: String) -> String {
        "/modules/\(path.split(separator: "/").last ?? "")"
    }

    private static func list(_ paths: [String]) -> [UInt8] {
        Array(paths.map { guestPath($0) + "\n" }.joined().utf8)
    }
}
