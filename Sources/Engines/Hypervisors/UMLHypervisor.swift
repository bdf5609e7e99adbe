public import Platform
import Sandbox
public import VirtualMachine

/// User-Mode Linux: the guest's kernel is a process of the host.
///
/// It needs nothing of the processor and no privileges. The kernel takes its disks as
/// vhost-user-blk devices and its network as an inherited TAP descriptor.
public struct UMLHypervisor: Hypervisor {
    /// The kernel that `presence` looks for.
    private let kernel: String

    /// A User-Mode Linux with this kernel.
    public init(kernel: String) { self.kernel = kernel }

    /// Always `.uml`.
    public var kind: HypervisorKind { .uml }

    /// The kernel and bubblewrap must be there.
    public func presence() -> HypervisorPresence {
        obstacle() ?? .installed(version: ProgramVersion.ofUserModeLinux(kernel))
    }

    /// Starts a machine; see `Hypervisor.start`.
    ///
    /// A panic ends the process at once.
    public func start(
        _ description: VirtualMachineDescription
    ) throws(VirtualMachineError) -> ChildProcess {
        try MachineLimits.check(description)
        let program = SandboxedProgram(
            path: description.appliance.kernel, arguments: Self.arguments(description),
            grants: Self.grants(description),
            descriptors: [-1, description.console, description.console]
                + (description.link.map { [$0] } ?? []),
            environment: [("TMPDIR", Places.memory)], filter: Self.filter)
        do { return try Sandbox.start(program) } catch {
            throw VirtualMachineError(
                cause: "User-Mode Linux: \(error.cause)", remedy: error.remedy)
        }
    }

    /// What is missing; nil where nothing is known to be.
    ///
    /// Runs nothing.
    func obstacle() -> HypervisorPresence? {
        guard Files.isExecutable(kernel) else {
            return .missing(
                reason: "there is no User-Mode Linux kernel at \(kernel)",
                remedy: "`causeway appliance build` makes one.")
        }
        return SandboxPresence.check()
    }

    /// Where things are inside the sandbox.
    enum Places {
        static let initramfs = "/initramfs"
        static let memory = "/dev/shm"
        static let scratch = "/tmp"
        static func disk(_ index: Int) -> String { "/run/disk\(index)" }
    }

    /// The kernel's command line.
    static func arguments(_ description: VirtualMachineDescription) -> [String] {
        var words = [
            "mem=\(description.memoryMiB)M", "initrd=\(Places.initramfs)",
            "uml_dir=\(Places.scratch)/", "umid=guest",
            // One console, for output; no terminals, no windows.
            "con0=null,fd:1", "con=null", "ssl=null",
            // A panic or a restart ends the process.
            "panic=-1", "noreboot",
            // The rest stays in the kernel's log. Measuring how fast the processor spins takes
            // 40 ms, and nothing in this guest waits by spinning.
            "quiet", "lpj=20000000",
        ]
        for index in description.diskSockets.indices {
            // Path, virtio's number for block devices, number of the device.
            words.append("virtio_uml.device=\(Places.disk(index)):2:\(index)")
        }
        if description.link != nil {
            let address = GuestLinkAddress.hardware
            words.append("vec0:transport=fd,fd=3,vec=0,mac=\(address),mtu=\(GuestLinkAddress.mtu)")
        }
        return words + description.commandLine
    }

    private static func grants(
        _ description: VirtualMachineDescription
    ) -> [SandboxedProgram.Grant] {
        // The guest's memory is a file in memory; the kernel adds a little of its own.
        let memory = UInt64(description.memoryMiB + 64) << 20
        var grants: [SandboxedProgram.Grant] = [
            .memory(at: Places.memory, bytes: memory),
            .memory(at: Places.scratch, bytes: 1 << 20),
            .device("/dev/null", at: "/dev/null"),
            .file(description.appliance.initramfs, at: Places.initramfs),
        ]
        for (index, socket) in description.diskSockets.enumerated() {
            grants.append(.socket(socket, at: Places.disk(index)))
        }
        return grants
    }
}
