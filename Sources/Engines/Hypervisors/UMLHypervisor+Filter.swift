import Sandbox

extension UMLHypervisor {
    /// What the kernel calls, from traces of boot, mount, work and power-off; and what its stub
    /// calls in the processes that carry the guest's.
    ///
    /// The guest's own system calls never reach the host: the kernel catches them before the
    /// filter sees them. `ptrace` reaches nothing but those processes, as there are no others.
    static let filter = SystemCallFilter(
        SystemCallRule.startup + SystemCallRule.unixSockets
            + SystemCallRule.all(
                """
                ptrace kill tgkill rt_sigsuspend setsid modify_ldt
                timer_create timer_settime timer_gettime
                epoll_create epoll_create1 epoll_ctl epoll_wait eventfd2
                connect bind sendmsg recvmsg
                statfs ftruncate fsync unlink mkdir rmdir
                """)
            + [
                .processes,
                // Terminal settings and window size of the console.
                SystemCallRule("ioctl", argument: 1, oneOf: [0x5401, 0x5402, 0x5403, 0x5413]),
            ])
}
