import Glibc

/// An allow-list of system calls, and the seccomp program that enforces it.
///
/// A call that is not on the list fails with EPERM, one the tables do not know with ENOSYS, so
/// that a newer C library falls back as it would on an older kernel. A call that no program of
/// ours makes unless somebody else has taken it over (`deadly`) kills the process, as does a call
/// by another architecture's numbers.
public struct SystemCallFilter: Sendable {
    /// The rules, in the order in which they are tried.
    public var rules: [SystemCallRule]

    /// Makes a filter that allows what these rules allow.
    public init(_ rules: [SystemCallRule]) { self.rules = rules }

    /// Calls that end the process: ways into the kernel or into other processes.
    static let deadly = SystemCallRule.all(
        """
        mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick
        mount_setattr unshare setns ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd
        process_madvise keyctl add_key request_key bpf perf_event_open
        io_uring_enter io_uring_register init_module finit_module delete_module
        kexec_load kexec_file_load open_by_handle_at reboot swapon swapoff acct
        settimeofday clock_settime adjtimex clock_adjtime iopl ioperm quotactl fanotify_init
        """)

    /// The bit of the x32 numbers, which name the same calls on x86-64 past the table.
    private static let x32: UInt32 = 0x4000_0000

    /// The seccomp program for a machine's table.
    func program(for numbers: SystemCallNumbers) -> FilterProgram {
        var program = FilterProgram()
        program.load(.architecture)
        program.whenEqual(numbers.auditArchitecture, skip: 1)
        program.end(.kill)
        program.load(.number)
        program.unlessAbove(Self.x32 - 1, skip: 1)
        program.end(.kill)
        program.unlessAbove(numbers.highest, skip: 1)
        program.end(.fail(errno: UInt16(ENOSYS)))
        var allowed: Set<String> = []
        for rule in rules where allowed.insert(rule.name).inserted {
            guard let number = numbers.number(of: rule.name) else { continue }
            add(rule.tests, number, to: &program)
        }
        for rule in Self.deadly where !allowed.contains(rule.name) {
            guard let number = numbers.number(of: rule.name) else { continue }
            program.unlessEqual(number, skip: 1)
            program.end(.kill)
        }
        // The C library makes threads by clone where the kernel has no clone3, whose flags are in
        // memory and cannot be filtered.
        if let number = numbers.number(of: "clone3"), !allowed.contains("clone3") {
            program.unlessEqual(number, skip: 1)
            program.end(.fail(errno: UInt16(ENOSYS)))
        }
        program.end(.fail(errno: UInt16(EPERM)))
        precondition(program.instructions.count <= FilterProgram.maximumCount)
        return program
    }

    private func add(
        _ tests: [SystemCallRule.Test], _ number: UInt32, to program: inout FilterProgram
    ) {
        guard !tests.isEmpty else {
            program.unlessEqual(number, skip: 1)
            program.end(.allow)
            return
        }
        precondition(tests.count <= 60, "a rule has at most 60 tests")
        program.unlessEqual(number, skip: UInt8(1 + 4 * tests.count))
        for test in tests {
            program.load(.argument(test.argument))
            program.and(test.mask)
            program.unlessEqual(test.value, skip: 1)
            program.end(.allow)
        }
        program.end(.fail(errno: UInt16(EPERM)))
    }
}
