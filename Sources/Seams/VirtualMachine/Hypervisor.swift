public import Platform

/// The hypervisors of the ladder.
public enum HypervisorKind: String, Sendable, CaseIterable {
    /// User-Mode Linux: the guest kernel is a host process; needs no hardware support.
    case uml
    /// QEMU with KVM, where it truly runs.
    case kvm = "qemu-kvm"
    /// QEMU with its own translator.
    case tcg = "qemu-tcg"
}

/// What a hypervisor's files on this host amount to, before anything was booted.
public enum HypervisorPresence: Sendable, Equatable {
    /// Everything it needs is installed.
    case installed(version: String)
    /// Something is missing: what, and what to do about it.
    case missing(reason: String, remedy: String)
}

/// Why a virtual machine could not be started.
public struct VirtualMachineError: Error, Sendable, CustomStringConvertible {
    /// What happened, naming the hypervisor.
    public var cause: String
    /// What the user can do.
    public var remedy: String

    /// Makes an error.
    public init(cause: String, remedy: String) {
        self.cause = cause
        self.remedy = remedy
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}

/// One virtualization technology.
///
/// Implementations are values without state; any thread. Nothing is a silent no-op: what a
/// hypervisor cannot do is an error of `start`.
public protocol Hypervisor: Sendable {
    /// Which one.
    var kind: HypervisorKind { get }
    /// Looks for its files; does not boot anything. Takes milliseconds.
    func presence() -> HypervisorPresence
    /// Starts a machine; returns when the process runs, long before the guest is up.
    ///
    /// The machine's process is confined by the sandbox and dies with the thread that called.
    func start(_ description: VirtualMachineDescription) throws(VirtualMachineError)
        -> ChildProcess
}
