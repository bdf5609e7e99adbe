import ISCSITarget
import NBDServer
import Platform

/// Memory that all clients of one target process share, and the bounds that follow from it.
struct TargetMemory {
    /// What they share.
    let budget: ByteBudget

    /// On a host, in bytes.
    private static let usual = 512 << 20
    /// The least, in bytes: the longest request of each protocol must get its turn.
    private static let least = 8 << 20

    /// A process of the host is given the usual; in a guest a quarter of its memory has to do, so
    /// that no number of clients can take what the kernel needs to write the disk back.
    init(_ plan: TargetPlan) {
        guard case .device = plan.store else {
            budget = ByteBudget(limit: Self.usual)
            return
        }
        let facts = (try? Files.readText("/proc/meminfo", limit: 16 << 10)) ?? ""
        budget = ByteBudget(limit: Self.share(ofGuest: facts))
    }

    /// Bytes for clients of a guest with this /proc/meminfo.
    static func share(ofGuest facts: String) -> Int {
        let total = kibibytes("MemTotal:", in: facts) ?? 0
        let available = kibibytes("MemAvailable:", in: facts) ?? total
        return min(usual, max(least, min((total << 10) / 4, (available << 10) / 2)))
    }

    private static func kibibytes(_ name: String, in facts: String) -> Int? {
        let line = facts.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    /// Applies it to a server; a small budget bounds what each client can hold beside it.
    func apply(to configuration: inout NBDServerConfiguration) {
        configuration.budget = budget
        guard budget.limit < Self.usual else { return }
        configuration.limits.connections = max(16, budget.limit >> 18)
        configuration.limits.requests = 64
    }

    /// The same for iSCSI.
    func apply(to configuration: inout ISCSIServerConfiguration) {
        configuration.budget = budget
        guard budget.limit < Self.usual else { return }
        configuration.limits.connections = max(16, budget.limit >> 20)
        configuration.limits.commands = 32
        configuration.limits.unsentBytes = max(1 << 20, budget.limit / 16)
        configuration.limits.earlyBytes = 64 << 10
        configuration.offer.maxRecvDataSegmentLength = 64 << 10
        configuration.offer.firstBurstLength = 64 << 10
    }
}
