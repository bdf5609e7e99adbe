import Platform
import Sandbox
import VirtualMachine

/// What every hypervisor refuses before it starts anything.
enum MachineLimits {
    /// Less does not boot.
    static let leastMemoryMiB = 64
    /// A bound on mistakes: 1 TiB.
    static let mostMemoryMiB = 1 << 20
    /// `vda` to `vdz`.
    static let disks = 26

    /// Throws where a description is out of bounds or names files that are not there.
    static func check(_ description: VirtualMachineDescription) throws(VirtualMachineError) {
        guard (leastMemoryMiB...mostMemoryMiB).contains(description.memoryMiB) else {
            throw VirtualMachineError(
                cause: "a machine cannot have \(description.memoryMiB) MiB of memory",
                remedy: "Choose between \(leastMemoryMiB) and \(mostMemoryMiB) MiB.")
        }
        guard description.diskSockets.count <= disks else {
            throw VirtualMachineError(
                cause: "a machine has at most \(disks) disks, not \(description.diskSockets.count)",
                remedy: "Choose one partition.")
        }
        let appliance = description.appliance
        for path in [appliance.kernel, appliance.initramfs] where !Files.isReadable(path) {
            throw VirtualMachineError(
                cause: "the appliance's file \(path) cannot be read",
                remedy: "`causeway appliance build` makes it.")
        }
    }
}

/// Whether machines can be confined on this host.
enum SandboxPresence {
    /// What is missing; nil where nothing is known to be.
    static func check() -> HypervisorPresence? {
        do throws(SandboxError) {
            try Sandbox.checkInstalled()
            return nil
        } catch { return .missing(reason: error.cause, remedy: error.remedy) }
    }
}
