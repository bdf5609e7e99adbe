public import Platform
import Sandbox
public import VirtualMachine

/// QEMU, with KVM or with its own translator, booting a kernel directly.
///
/// The machine has vhost-user-blk disks, a virtio network card on an inherited TAP descriptor and
/// a serial console, and no other device.
public struct QEMUHypervisor: Hypervisor {
    /// With what QEMU runs the guest's instructions.
    public enum Accelerator: Sendable {
        /// The processor, through /dev/kvm.
        case kvm
        /// QEMU's translator.
        case tcg
    }

    private let accelerator: Accelerator
    private let files: QEMUFiles

    /// A QEMU with this accelerator.
    public init(_ accelerator: Accelerator) {
        self.accelerator = accelerator
        files = QEMUFiles()
    }

    /// `.kvm` or `.tcg`.
    public var kind: HypervisorKind {
        switch accelerator {
        case .kvm: .kvm
        case .tcg: .tcg
        }
    }

    /// QEMU, its firmware and bubblewrap must be there, and for KVM a device that opens.
    ///
    /// Whether KVM runs an ordinary guest is another question: see `HypervisorLadder`.
    public func presence() -> HypervisorPresence {
        obstacle() ?? .installed(version: ProgramVersion.ofQEMU(files.program ?? ""))
    }

    /// What is missing; nil where nothing is known to be.
    ///
    /// Runs nothing.
    func obstacle() -> HypervisorPresence? {
        guard files.program != nil else {
            return .missing(
                reason: "\(QEMUFiles.programName) is not installed",
                remedy: "Install the package qemu-system-x86.")
        }
        if let name = files.missingFirmware {
            return .missing(
                reason: "QEMU's firmware \(name) is not installed",
                remedy: "Install the packages qemu-system-data and seabios.")
        }
        if accelerator == .kvm, let obstacle = Self.kvmObstacle() { return obstacle }
        return SandboxPresence.check()
    }

    private static func kvmObstacle() -> HypervisorPresence? {
        guard Files.exists(Places.kvm) else {
            return .missing(
                reason: "there is no \(Places.kvm)",
                remedy: "Switch virtualization on in the firmware, and load kvm_intel or kvm_amd.")
        }
        guard Files.isReadable(Places.kvm), Files.isWritable(Places.kvm) else {
            return .missing(
                reason: "\(Places.kvm) may not be opened by this user",
                remedy: "Ask the administrator to add the user to the group kvm.")
        }
        return nil
    }

    /// Starts a machine; see `Hypervisor.start`.
    ///
    /// A panic or restart ends the process.
    public func start(
        _ description: VirtualMachineDescription
    ) throws(VirtualMachineError) -> ChildProcess {
        try MachineLimits.check(description)
        guard let path = files.program else {
            throw VirtualMachineError(
                cause: "QEMU is not installed", remedy: "Install the package qemu-system-x86.")
        }
        let program = SandboxedProgram(
            path: path, arguments: arguments(description), modules: files.modules,
            grants: grants(description),
            descriptors: [-1, description.console, description.console]
                + (description.link.map { [$0] } ?? []),
            filter: Self.filter(accelerator))
        do { return try Sandbox.start(program) } catch {
            throw VirtualMachineError(cause: "QEMU: \(error.cause)", remedy: error.remedy)
        }
    }

    /// Where things are inside the sandbox.
    enum Places {
        static let kvm = "/dev/kvm"
        static let firmware = "/firmware"
        static let kernel = "/kernel"
        static let initramfs = "/initramfs"
        static func disk(_ index: Int) -> String { "/run/disk\(index)" }
    }

    /// QEMU's command line.
    func arguments(_ description: VirtualMachineDescription) -> [String] {
        var line = [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-L", Places.firmware,
            "-machine", "q35,usb=off,sata=off,smbus=off,vmport=off,memory-backend=memory",
            // Other processes serve the disks out of the guest's memory: it must be shared.
            "-object", "memory-backend-memfd,id=memory,size=\(description.memoryMiB)M,share=on",
            "-smp", "1", "-serial", "chardev:console",
            "-chardev", "stdio,id=console,signal=off",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        ]
        switch accelerator {
        case .kvm: line += ["-accel", "kvm", "-cpu", "host"]
        // Five levels of page tables only slow a translated guest down.
        case .tcg: line += ["-accel", "tcg", "-cpu", "max,la57=off"]
        }
        for index in description.diskSockets.indices {
            line += [
                "-chardev", "socket,id=disk\(index),path=\(Places.disk(index))",
                "-device", "vhost-user-blk-pci,chardev=disk\(index),num-queues=1",
            ]
        }
        if description.link != nil {
            line += [
                "-netdev", "tap,id=link,fd=3",
                "-device",
                "virtio-net-pci,netdev=link,mac=\(GuestLinkAddress.hardware),"
                    + "host_mtu=\(GuestLinkAddress.mtu),romfile=",
            ]
        }
        line += ["-kernel", Places.kernel, "-initrd", Places.initramfs]
        return line + ["-append", kernelWords(description).joined(separator: " ")]
    }

    private func kernelWords(_ description: VirtualMachineDescription) -> [String] {
        var words = ["console=ttyS0", "panic=-1", "quiet"]
        // What these defend against, a translator does not have.
        if accelerator == .tcg { words.append("mitigations=off") }
        return words + description.commandLine
    }

    private func grants(
        _ description: VirtualMachineDescription
    ) -> [SandboxedProgram.Grant] {
        var grants: [SandboxedProgram.Grant] = [
            .file(description.appliance.kernel, at: Places.kernel),
            .file(description.appliance.initramfs, at: Places.initramfs),
        ]
        for (name, path) in files.firmware {
            grants.append(.file(path, at: "\(Places.firmware)/\(name)"))
        }
        for (index, socket) in description.diskSockets.enumerated() {
            grants.append(.socket(socket, at: Places.disk(index)))
        }
        if accelerator == .kvm { grants.append(.device(Places.kvm, at: Places.kvm)) }
        return grants
    }
}
