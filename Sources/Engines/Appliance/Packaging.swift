public import VirtualMachine

/// How an appliance is packed: one folder of it, for the hypervisors that boot it alike.
public enum PackagingKind: String, Sendable, CaseIterable {
    /// A kernel that is a host program, for User-Mode Linux.
    case uml
    /// A kernel for QEMU's direct boot, with or without KVM.
    case qemu

    /// The packaging that a hypervisor boots.
    public init(for hypervisor: HypervisorKind) {
        switch hypervisor {
        case .uml: self = .uml
        case .kvm, .tcg: self = .qemu
        }
    }
}

/// Where a packaging's kernel comes from.
public enum KernelFlavour: String, Sendable, CaseIterable {
    /// Built here from the distribution's source with Causeway's configuration.
    case own
    /// The distribution's ready kernel and its modules.
    case distro
}

/// Something a packaging was made from.
public struct ApplianceInput: Equatable, Sendable {
    /// Package, program or file: `linux-source-6.1`.
    public var name: String
    /// Its version; `-` where it has none.
    public var version: String
    /// SHA-256 of its bytes in hexadecimal; `-` for a program that is named by its version.
    public var sha256: String

    /// Makes an input.
    public init(name: String, version: String, sha256: String) {
        self.name = name
        self.version = version
        self.sha256 = sha256
    }
}

/// A file of a packaging.
public struct ApplianceFile: Equatable, Sendable {
    /// Name in the packaging's folder: one of `names`.
    public var name: String
    /// Size in bytes.
    public var size: UInt64
    /// SHA-256 of its bytes in hexadecimal.
    public var sha256: String

    /// Makes a file.
    public init(name: String, size: UInt64, sha256: String) {
        self.name = name
        self.size = size
        self.sha256 = sha256
    }

    /// Name of every packaging's kernel.
    public static let kernel = "kernel"
    /// Name of every packaging's initial RAM file system, whose agent mounts.
    public static let initramfs = "initramfs"
    /// Name of the other initial RAM file system, whose agent serves blocks as well.
    ///
    /// It is larger by the servers, which would cost every mount time and memory.
    public static let blocksInitramfs = "initramfs-blocks"
    /// Every file of a packaging.
    public static let names = [kernel, initramfs, blocksInitramfs]
}

/// One packaging, as the manifest describes it.
public struct Packaging: Equatable, Sendable {
    /// Which one; also the name of its folder.
    public var kind: PackagingKind
    /// Where its kernel comes from.
    public var flavour: KernelFlavour
    /// What the kernel calls itself (`uname -r`).
    public var release: String
    /// The version of the guest protocol that its agent speaks.
    public var wireVersion: UInt32
    /// File system types that its kernel can mount, sorted.
    public var fileSystems: [String]
    /// What it was made from.
    public var inputs: [ApplianceInput]
    /// Its files.
    public var files: [ApplianceFile]

    /// Makes a packaging.
    public init(
        kind: PackagingKind, flavour: KernelFlavour, release: String, wireVersion: UInt32,
        fileSystems: [String], inputs: [ApplianceInput], files: [ApplianceFile]
    ) {
        self.kind = kind
        self.flavour = flavour
        self.release = release
        self.wireVersion = wireVersion
        self.fileSystems = fileSystems
        self.inputs = inputs
        self.files = files
    }
}
