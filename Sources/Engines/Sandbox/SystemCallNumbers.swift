/// The system calls of one processor architecture, by name.
///
/// The tables are data; each is the kernel's own, up to Linux 6.1. Calls that came later have no
/// name here, and every filter answers them with ENOSYS.
struct SystemCallNumbers: Sendable {
    /// What the kernel reports as the architecture of a call (`AUDIT_ARCH_…`).
    let auditArchitecture: UInt32
    /// The highest number that has a name.
    let highest: UInt32
    private let byName: [Substring: UInt32]

    /// Reads a table: each run is a first number and the names from there on.
    init(auditArchitecture: UInt32, runs: [(first: UInt32, names: String)]) {
        self.auditArchitecture = auditArchitecture
        var byName: [Substring: UInt32] = [:]
        var highest: UInt32 = 0
        for run in runs {
            var number = run.first
            for name in run.names.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
                byName[name] = number
                highest = max(highest, number)
                number += 1
            }
        }
        self.byName = byName
        self.highest = highest
    }

    /// The number of a call; nil where this architecture has no such call.
    func number(of name: String) -> UInt32? { byName[name[...]] }

    /// The table of the machine this program was built for.
    static var current: SystemCallNumbers {
        #if arch(x86_64)
            x86
        #elseif arch(arm64)
            arm
        #else
            #error("the sandbox has no system call table for this processor")
        #endif
    }
}
