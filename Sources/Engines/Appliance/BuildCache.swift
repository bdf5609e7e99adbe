import Platform

/// The cache folder: kernels that were built, packages that were fetched.
///
/// It may be deleted at any time; all of it can be made again.
struct BuildCache {
    /// Bounds of waiting.
    enum Limits {
        /// How long to wait for another builder, in milliseconds: above any build's time.
        static let wait: Int64 = 2 * 60 * 60_000
    }

    /// The folder.
    let directory: String

    /// Where an unpacked package lies.
    func packageFolder(name: String, version: String) -> String {
        // A version may hold a colon (epoch) or a tilde; both are fine in file names, a slash is
        // not allowed in versions.
        "\(directory)/packages/\(name)_\(version)"
    }

    /// Where a kernel lies.
    func kernelFolder(key: String) -> String { "\(directory)/kernels/\(key)" }

    /// Runs `body` while this process alone holds the lock of `name`.
    ///
    /// Blocks.
    func locked<Result>(
        _ name: String, observer: BuildObserver, _ body: () throws(ApplianceError) -> Result
    ) throws(ApplianceError) -> Result {
        let lock: OwnedFD
        do {
            try Files.makeDirectories("\(directory)/locks")
            lock = try Files.open("\(directory)/locks/\(name)", [.readWrite, .create])
        } catch {
            throw unusable(error)
        }
        let deadline = Clock.milliseconds() + Limits.wait
        while try !claim(lock) {
            guard Clock.milliseconds() < deadline else {
                throw ApplianceError(
                    "Another build has held \(directory)/locks/\(name) for hours",
                    remedy: "End it, then build again.")
            }
            observer(BuildProgress(.waiting))
            Clock.sleep(milliseconds: 200)
        }
        return try withExtendedLifetime(lock) { () throws(ApplianceError) in try body() }
    }

    /// Fills a new folder with `body` and puts it in the place of `folder`, which appears whole or
    /// not at all.
    ///
    /// One process at a time.
    func replaceFolder(
        _ folder: String, _ body: (String) throws(ApplianceError) -> Void
    ) throws(ApplianceError) {
        let staging = "\(folder).new"
        try removeTree(staging)
        try makeFolder(staging)
        do {
            try body(staging)
            try removeTree(folder)
        } catch {
            try? removeTree(staging)
            throw error
        }
        do { try Files.rename(staging, to: folder) } catch { throw unusable(error) }
    }

    /// Removes a file, or a folder and all in it; its absence is no error.
    func removeTree(_ path: String) throws(ApplianceError) {
        try Tool.run(
            "rm", ["--recursive", "--force", "--one-file-system", "--", path],
            package: "coreutils")
    }

    /// Makes a folder and its parents.
    func makeFolder(_ path: String) throws(ApplianceError) {
        do { try Files.makeDirectories(path, mode: 0o755) } catch { throw unusable(error) }
    }

    /// Names in a folder; none where it cannot be read.
    func list(_ path: String) -> [String] { (try? Files.list(path).sorted()) ?? [] }

    /// Writes a file.
    func write(_ path: String, _ bytes: [UInt8]) throws(ApplianceError) {
        do { try Files.replace(path, with: bytes, mode: 0o644) } catch { throw unusable(error) }
    }

    private func claim(_ lock: OwnedFD) throws(ApplianceError) -> Bool {
        do { return try Files.claim(lock) } catch { throw unusable(error) }
    }

    private func unusable(_ error: SystemError) -> ApplianceError {
        ApplianceError(
            "The cache in \(directory) cannot be used: \(error)",
            remedy: "Free space there or name another folder with --cache.")
    }
}
