import Platform

/// A correction of the distribution's kernel source, which stands beside this file.
struct SourcePatch {
    /// The patch's name.
    let name: String
    /// The patch, for `patch -p1`.
    let bytes: [UInt8]
    /// The file that shows whether it is needed.
    let file: String
    /// Text that this file holds where the distribution has corrected it by now.
    let correctedSign: String

    /// All of them, in the order in which they are applied.
    static let all = [
        SourcePatch(
            name: "ntfs3-mft-zone.patch", bytes: PackageResources.ntfs3_mft_zone_patch,
            file: "fs/ntfs3/super.c", correctedSign: "zone_max"),
        SourcePatch(
            name: "uml-idle-race.patch", bytes: PackageResources.uml_idle_race_patch,
            file: "arch/um/os-Linux/time.c", correctedSign: "os_signals_pending"),
    ]

    /// Corrects the source in `tree`, unless it is right already.
    func apply(to tree: String, cache: BuildCache) throws(ApplianceError) {
        let text: String
        do { text = try Files.readText("\(tree)/\(file)") } catch {
            throw ApplianceError(
                "The kernel source cannot be corrected: \(error)",
                remedy: "This source is not one that this version of Causeway knows.")
        }
        if text.contains(correctedSign) { return }
        let path = "\(tree)/\(name)"
        try cache.write(path, bytes)
        try Tool.run(
            "patch",
            ["--directory=\(tree)", "--strip=1", "--batch", "--fuzz=0", "--input=\(path)"],
            package: "patch")
    }
}
