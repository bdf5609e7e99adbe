public import Platform

/// Why a program could not be started in a sandbox.
public enum SandboxError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bubblewrap is not installed.
    case bubblewrapMissing
    /// Bubblewrap cannot take its sources as descriptors.
    case bubblewrapTooOld
    /// A switch of the host forbids user namespaces: its name, and the value it needs.
    case userNamespacesOff(switch: String, needs: String)
    /// The program or one of its libraries is not there.
    case missing(String)
    /// A file is not a program or library for this machine.
    case notExecutable(String)
    /// More descriptors than a child can be given.
    case tooManyGrants
    /// Bubblewrap refused; its own words.
    case refused(String)
    /// A system call failed.
    case system(SystemError)

    /// What happened, naming the layer.
    public var cause: String {
        switch self {
        case .bubblewrapMissing: "sandbox: bubblewrap (bwrap) is not installed"
        case .bubblewrapTooOld: "sandbox: this bubblewrap lacks --bind-fd"
        case .userNamespacesOff(let name, _):
            "sandbox: user namespaces are switched off by \(name)"
        case .missing(let path): "sandbox: \(path) is not there"
        case .notExecutable(let path): "sandbox: \(path) is no program for this machine"
        case .tooManyGrants: "sandbox: too many files for one program"
        case .refused(let words): "sandbox: bubblewrap said: \(words)"
        case .system(let error): "sandbox: \(error)"
        }
    }

    /// What to do about it.
    public var remedy: String {
        switch self {
        case .bubblewrapMissing: "Install the package bubblewrap."
        case .bubblewrapTooOld:
            "Install bubblewrap 0.10, or Debian's 0.8.0-2+deb12u1 or later."
        case .userNamespacesOff(let name, let value):
            "Ask the administrator to set it: sysctl \(name)=\(value)."
        case .missing: "Install the package it belongs to."
        case .notExecutable: "Install the package for this processor."
        case .tooManyGrants: "Mount fewer partitions at once."
        case .refused:
            "A container or security module may forbid namespaces; run outside it, or allow them."
        case .system: "See the system's message."
        }
    }

    /// Cause and remedy in one sentence each.
    public var description: String { "\(cause). \(remedy)" }
}
