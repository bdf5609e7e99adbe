import Platform

/// The distribution's ready kernels, with the modules that an appliance needs.
struct DistroKernels {
    /// Package of the User-Mode Linux kernel, and the files of it.
    static let umlPackage = "user-mode-linux"
    static let umlKernel = "/usr/bin/linux.uml"
    static let umlModules = "/usr/lib/uml/modules"
    /// The package that depends on the newest kernel image for PCs.
    static let imagePackage = "linux-image-amd64"
    static let imagePrefix = "linux-image-"

    let cache: BuildCache
    let observer: BuildObserver

    /// The User-Mode Linux kernel.
    func userModeLinux() throws(ApplianceError) -> KernelFiles {
        let package = try fetch(Self.umlPackage, marker: Self.umlKernel)
        let folder = package.path(Self.umlModules)
        guard let release = cache.list(folder).first else {
            throw ApplianceError(
                "\(Self.umlPackage) \(package.version) has no modules in \(folder)",
                remedy: "Use --kernel own.")
        }
        return try files(
            kernel: package.path(Self.umlKernel), release: release,
            modules: "\(folder)/\(release)", package: package)
    }

    /// The kernel for PCs, taken out of its self-extracting image.
    ///
    /// QEMU starts the bare kernel through its PVH entry, which saves the guest unpacking it: four
    /// seconds under QEMU's own translator.
    func pc() throws(ApplianceError) -> KernelFiles {
        let name = try DebianPackage.dependency(of: Self.imagePackage, prefix: Self.imagePrefix)
        let release = String(name.dropFirst(Self.imagePrefix.count))
        let image = "/boot/vmlinuz-\(release)"
        // Even where it is installed, /boot may be readable by root alone.
        let package = try fetch(name, marker: image, installed: false)
        let modules = package.path("/lib/modules/\(release)")
        let kernel = package.path("/boot/vmlinux")
        try cache.locked("package-\(name)", observer: observer) { () throws(ApplianceError) in
            if !Files.exists("\(modules)/modules.dep") {
                try Tool.run("depmod", ["--basedir", package.root, release], package: "kmod")
            }
            if !Files.exists(kernel) {
                try KernelImage.extract(package.path(image), to: kernel, cache: cache)
            }
        }
        return try files(kernel: kernel, release: release, modules: modules, package: package)
    }

    private func fetch(
        _ name: String, marker: String, installed: Bool = true
    ) throws(ApplianceError) -> DebianPackage {
        try cache.locked("package-\(name)", observer: observer) { () throws(ApplianceError) in
            try DebianPackage.obtain(
                name, marker: marker, cache: cache, useInstalled: installed, observer: observer)
        }
    }

    private func files(
        kernel: String, release: String, modules: String, package: DebianPackage
    ) throws(ApplianceError) -> KernelFiles {
        observer(BuildProgress(.hashing))
        let index = try KernelModules(folder: modules)
        let chosen = Self.choose(from: index)
        let modinfo = (try? Files.read("\(modules)/modules.builtin.modinfo", limit: 8 << 20)) ?? []
        let names = FileSystemNames.builtIn(modinfo: modinfo) + chosen.byType.keys
        return KernelFiles(
            kernel: kernel, release: release, fileSystems: FileSystemNames.onDisk(names),
            modules: chosen,
            inputs: [
                ApplianceInput(
                    name: package.name, version: package.version,
                    sha256: try Checksums.sha256(ofFile: kernel))
            ])
    }

    private static func choose(from index: KernelModules) -> ModuleSet {
        var set = ModuleSet()
        set.all = index.closure(of: ModuleRoots.all)
        set.boot = index.closure(of: ModuleRoots.boot)
        for (type, module) in index.fileSystems(of: set.all)
        where !FileSystemNames.pseudo.contains(type) {
            let named = ModuleRoots.withCharacterSets.contains(module)
            let sets = named ? ModuleRoots.characterSets : []
            set.byType[type] = index.closure(of: sets + [module]).filter { !set.boot.contains($0) }
        }
        return set
    }
}
