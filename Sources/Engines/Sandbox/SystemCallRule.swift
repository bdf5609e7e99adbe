/// One system call that a sandboxed program may make, and with which arguments.
public struct SystemCallRule: Sendable, Equatable {
    /// What an argument must be.
    ///
    /// The kernel takes these arguments as 32-bit values, so the low half of the register is what
    /// counts.
    public struct Test: Sendable, Equatable {
        /// Which argument, from 0.
        public var argument: Int
        /// The bits that are looked at.
        public var mask: UInt32
        /// What they must be.
        public var value: UInt32

        /// Makes a test; of all bits unless told otherwise.
        public init(argument: Int, mask: UInt32 = .max, value: UInt32) {
            self.argument = argument
            self.mask = mask
            self.value = value
        }
    }

    /// The call's name in the kernel's table.
    public var name: String
    /// One of these must hold, or the call fails with EPERM; with none, it is always allowed.
    public var tests: [Test]

    /// Allows a call, always or where one of the tests holds.
    public init(_ name: String, when tests: [Test] = []) {
        self.name = name
        self.tests = tests
    }

    /// Allows a call where an argument is one of these values.
    public init(_ name: String, argument: Int, oneOf values: [UInt32]) {
        self.init(name, when: values.map { Test(argument: argument, value: $0) })
    }

    /// Allows calls by name, separated by white space.
    public static func all(_ names: String) -> [SystemCallRule] {
        names.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { SystemCallRule(String($0)) }
    }
}

extension SystemCallRule {
    /// `socket` for Unix sockets alone: the program can reach nothing but what it was handed.
    public static let unixSockets: [SystemCallRule] = [
        SystemCallRule("socket", argument: 0, oneOf: [1]),
        SystemCallRule("socketpair", argument: 0, oneOf: [1]),
    ]

    /// Threads and processes, but no new namespace (the eight `CLONE_NEW…` bits of sched.h).
    public static let processes = SystemCallRule(
        "clone", when: [Test(argument: 0, mask: 0x7e02_0080, value: 0)])

    /// What the dynamic linker and the C library of any program call, and bubblewrap's own first
    /// process, which waits for it under the same filter.
    public static let startup: [SystemCallRule] = all(
        """
        execve brk mmap munmap mprotect mremap madvise read write close lseek pread64 pwrite64
        readv writev fstat newfstatat statx stat lstat access faccessat faccessat2 open openat
        readlink readlinkat fcntl getcwd getdents64 uname arch_prctl set_tid_address
        set_robust_list rseq prlimit64 getrandom sysinfo exit exit_group
        wait4 getpid getppid gettid getuid geteuid getgid getegid
        rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
        futex sched_yield sched_getaffinity clock_gettime clock_getres clock_nanosleep nanosleep
        gettimeofday time times getrusage poll ppoll dup dup2 dup3 pipe pipe2
        """)
}
