import Platform

/// A binary package of the distribution, as files on this host: installed, or fetched by an
/// ordinary user and unpacked into the cache.
struct DebianPackage {
    /// The package's name.
    let name: String
    /// Its version.
    let version: String
    /// The folder that stands for `/`: empty where the package is installed.
    let root: String

    /// A path of the package on this host.
    func path(_ path: String) -> String { root + path }

    /// Finds a package that holds `marker` (an absolute path), or fetches it.
    ///
    /// Blocks. The package system checks what it fetches against its signed lists.
    static func obtain(
        _ name: String, marker: String, cache: BuildCache, useInstalled: Bool = true,
        observer: BuildObserver
    ) throws(ApplianceError) -> DebianPackage {
        if useInstalled, let version = installedVersion(name), Files.exists(marker) {
            return DebianPackage(name: name, version: version, root: "")
        }
        let version = try candidateVersion(name)
        let folder = cache.packageFolder(name: name, version: version)
        if Files.exists(folder + marker) {
            return DebianPackage(name: name, version: version, root: folder)
        }
        observer(BuildProgress(.fetching, "\(name) \(version)"))
        try cache.replaceFolder(folder) { staging throws(ApplianceError) in
            let arguments = [
                "--chdir=\(staging)", "apt-get", "--quiet", "download", "\(name)=\(version)",
            ]
            try Tool.run("env", arguments, package: "coreutils")
            let archives = cache.list(staging).filter { $0.hasSuffix(".deb") }
            guard let archive = archives.first, archives.count == 1 else {
                throw ApplianceError(
                    "apt-get fetched no archive of \(name)",
                    remedy: "`sudo apt-get update`, then build again.")
            }
            let path = "\(staging)/\(archive)"
            try Tool.run("dpkg-deb", ["--extract", path, staging], package: "dpkg")
            try cache.removeTree(path)
            guard Files.exists(staging + marker) else {
                throw ApplianceError(
                    "\(name) \(version) does not hold \(marker)",
                    remedy: "This version of Causeway does not know that package's layout.")
            }
        }
        return DebianPackage(name: name, version: version, root: folder)
    }

    /// The package that `name`, a package without files of its own, depends on and whose name
    /// begins with `prefix`: `linux-image-amd64` → `linux-image-6.1.0-56-amd64`.
    static func dependency(
        of name: String, prefix: String
    ) throws(ApplianceError) -> String {
        let lines = try Tool.output("apt-cache", ["depends", "--important", name], package: "apt")
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == "Depends:", words[1].hasPrefix(prefix) else {
                continue
            }
            return String(words[1])
        }
        throw unknown(name)
    }

    private static func installedVersion(_ name: String) -> String? {
        let format = "--showformat=${db:Status-Status} ${Version}\\n"
        let lines = try? Tool.output("dpkg-query", ["--show", format, name], package: "dpkg")
        let words = lines?.first?.split(separator: " ") ?? []
        return words.count == 2 && words[0] == "installed" ? String(words[1]) : nil
    }

    private static func candidateVersion(_ name: String) throws(ApplianceError) -> String {
        let lines = try Tool.output("apt-cache", ["policy", name], package: "apt")
        for line in lines {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == "Candidate:", words[1] != "(none)" {
                return String(words[1])
            }
        }
        throw unknown(name)
    }

    private static func unknown(_ name: String) -> ApplianceError {
        ApplianceError(
            "The package system does not know \(name)",
            remedy: "`sudo apt-get update`; on Debian 12, all of its packages are in `main`.")
    }
}
