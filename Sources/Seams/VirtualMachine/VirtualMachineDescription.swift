/// What a virtual machine is made of: the same for every hypervisor.
public struct VirtualMachineDescription: Sendable {
    /// Kernel and initial file system, as this hypervisor's packaging holds them.
    public var appliance: AppliancePaths
    /// Guest memory, in MiB.
    public var memoryMiB: Int
    /// vhost-user-blk sockets, one for each disk: the guest sees `vda`, `vdb` … in this order.
    public var diskSockets: [String]
    /// The TAP descriptor that is the guest's only network; nil for none.
    public var link: Int32?
    /// Where the guest's console goes: a descriptor that is written to.
    public var console: Int32
    /// Words for the kernel's command line; the agent reads those that begin with `causeway.`.
    public var commandLine: [String]

    /// Makes a description.
    public init(
        appliance: AppliancePaths, memoryMiB: Int, diskSockets: [String], link: Int32?,
        console: Int32, commandLine: [String]
    ) {
        self.appliance = appliance
        self.memoryMiB = memoryMiB
        self.diskSockets = diskSockets
        self.link = link
        self.console = console
        self.commandLine = commandLine
    }
}

/// A direct-boot appliance on the host's disk.
public struct AppliancePaths: Sendable, Equatable {
    /// The kernel: for User-Mode Linux an executable, for QEMU a bzImage.
    public var kernel: String
    /// The initial RAM file system that holds the agent.
    public var initramfs: String

    /// Makes paths.
    public init(kernel: String, initramfs: String) {
        self.kernel = kernel
        self.initramfs = initramfs
    }
}
