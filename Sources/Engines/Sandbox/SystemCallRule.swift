/// One system call that a sandboxed program may make, and with which arguments.
public struct SystemCallRule: Sendable, Equatable {
    /// What an argument must be; the kernel takes these arguments as 32-bit values, so the low
    /// half of the register is what counts.
    public enum Condition: Sendable, Equatable {
        /// Any arguments.
        case any
        /// The argument at this index is one of these values.
        case oneOf(argument: Int, values: [UInt32])
        /// None of these bits is set in the argument at this index.
        case clear(argument: Int, bits: UInt32)
    }

    /// The call's name in the kernel's table.
    public var name: String
    /// When it is allowed; otherwise it fails with EPERM.
    public var condition: Condition

    /// Allows a call.
    public init(_ name: String, when condition: Condition = .any) {
        self.name = name
        self.condition = condition
    }

    /// Allows calls by name, separated by white space.
    public static func all(_ names: String) -> [SystemCallRule] {
        names.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { SystemCallRule(String($0)) }
    }
}

extension SystemCallRule {
    /// `socket` for Unix sockets alone: the program can reach nothing but what it was handed.
    public static let unixSockets: [SystemCallRule] = [
        SystemCallRule("socket", when: .oneOf(argument: 0, values: [1])),
        SystemCallRule("socketpair", when: .oneOf(argument: 0, values: [1])),
    ]

    /// Threads and processes, but no new namespace (the eight `CLONE_NEW…` bits of sched.h).
    public static let processes = SystemCallRule(
        "clone", when: .clear(argument: 0, bits: 0x7e02_0080))

    /// What the dynamic linker and the C library of any program call.
    public static let startup: [SystemCallRule] = all(
        """
        execve brk mmap munmap mprotect mremap madvise read write close lseek pread64 pwrite64
        readv writev fstat newfstatat statx stat lstat access faccessat faccessat2 open openat
        readlink readlinkat fcntl getcwd getdents64 uname arch_prctl set_tid_address
        set_robust_list rseq prlimit64 getrandom sysinfo exit exit_group
        getpid getppid gettid getuid geteuid getgid getegid
        rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
        futex sched_yield sched_getaffinity clock_gettime clock_getres clock_nanosleep nanosleep
        gettimeofday time times getrusage poll ppoll dup dup2 dup3 pipe pipe2
        """)
}
