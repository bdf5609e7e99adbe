public import Catalogue
public import Platform

/// Whether this host can mount a file system itself, now, for this user.
public struct HostVerdict: Equatable, Sendable {
    /// The answer.
    public enum Answer: String, Sendable {
        /// Yes.
        case supported
        /// It could, and this user may not.
        case needsPrivileges
        /// No.
        case notSupported
    }

    /// How the host would mount it.
    public enum Method: Equatable, Sendable {
        /// mount(2) with this kernel file system.
        case kernel(type: String)
        /// This program, through FUSE.
        case fuse(program: String)
    }

    /// The answer.
    public var answer: Answer
    /// How; nil where not at all.
    public var method: Method?
    /// How that was decided, in one sentence without a full stop.
    public var reason: String
}

/// Decides what the host supports.
public struct HostSupport: Sendable {
    /// The facts it decides by.
    public let facts: HostFacts

    /// Makes a judge.
    public init(facts: HostFacts) {
        self.facts = facts
    }

    /// Whether the host can mount this file system from a source of this kind.
    public func verdict(_ entry: CatalogueEntry, source: FileKind) -> HostVerdict {
        let kernel = kernelVerdict(entry, source: source)
        if kernel.answer == .supported { return kernel }
        let fuse = fuseVerdict(entry)
        if let fuse, fuse.answer == .supported { return fuse }
        if kernel.answer == .needsPrivileges { return kernel }
        return fuse ?? kernel
    }

    private func kernelVerdict(_ entry: CatalogueEntry, source: FileKind) -> HostVerdict {
        guard let (type, how) = kernelDriver(entry.host) else {
            return HostVerdict(
                answer: .notSupported, method: nil,
                reason: absence(entry))
        }
        let method = HostVerdict.Method.kernel(type: type)
        guard facts.mayMount else {
            let who = facts.user == 0 ? "this process lacks CAP_SYS_ADMIN" : "only root may mount"
            return HostVerdict(
                answer: .needsPrivileges, method: method, reason: "\(how), but \(who)")
        }
        guard source == .blockDevice || facts.mayLoop else {
            return HostVerdict(
                answer: .needsPrivileges, method: method,
                reason: "\(how), but no loop device can be made for a file "
                    + "(/dev/loop-control is missing or closed)")
        }
        return HostVerdict(answer: .supported, method: method, reason: how)
    }

    private func kernelDriver(_ host: HostRules) -> (type: String, how: String)? {
        if let type = host.kernel.first(where: facts.registered.contains) {
            return (type, "the host's kernel has \(type) (/proc/filesystems)")
        }
        guard let type = host.kernel.first, facts.modules?.contains(host.module) == true,
            !facts.refusedModules.contains(host.module)
        else { return nil }
        return (type, "the host's kernel can load its module \(host.module)")
    }

    private func absence(_ entry: CatalogueEntry) -> String {
        let module = entry.host.module
        let tree =
            if facts.refusedModules.contains(module) {
                "its module \(module) is switched off in modprobe.d"
            } else if facts.modules == nil {
                "there are no modules for kernel \(facts.kernelRelease)"
            } else {
                "there is no module \(module) for kernel \(facts.kernelRelease)"
            }
        let programs = entry.host.fuse.map { "\($0.program) (package \($0.package))" }
        let fuse =
            programs.isEmpty
            ? ""
            : ", and none of these is installed: "
                + programs.joined(separator: ", ")
        let name = entry.host.kernel.first ?? entry.name
        return "\(name) is not in /proc/filesystems, \(tree)\(fuse)"
    }

    private func fuseVerdict(_ entry: CatalogueEntry) -> HostVerdict? {
        for candidate in entry.host.fuse {
            guard let path = facts.programs[candidate.program] else { continue }
            let method = HostVerdict.Method.fuse(program: path)
            return facts.mayFUSE
                ? HostVerdict(
                    answer: .supported, method: method, reason: "\(path) mounts it through FUSE")
                : HostVerdict(
                    answer: .needsPrivileges, method: method,
                    reason: "\(path) is installed, but this user cannot use FUSE "
                        + "(/dev/fuse and fusermount3)")
        }
        return nil
    }
}
